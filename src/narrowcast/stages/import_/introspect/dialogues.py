"""Conversations in rows: chat logs, and tool calling if functions are defined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import aside, by_name, named, with_split

_MESSAGE_NAMES = (
    "messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat", "utterances",
)  # fmt: skip
_ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
_CONTENT_KEYS = ("content", "value", "text", "utterance", "message")
_ASSISTANT = frozenset({"assistant", "gpt", "bot", "model", "agent"})
_TOOL_NAMES = ("tools", "functions", "function")
_CALL_NAMES = ("tool_calls", "ground_truth", "calls", "answers", "answer", "expected_calls")


def conversations(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A list of turns with roles and texts."""
    column = _turns_column(profile)
    if column is None:
        return
    closed = sum(_role(turns[-1]) in _ASSISTANT for turns in column.examples)
    share = closed / len(column.examples)
    open_ended = ["rows that do not end with the assistant will be rejected"] * (share < 1)
    yield ShapeHypothesis(
        shape="conversations",
        mapper_id="chat_messages_passthrough",
        task_profile="chat",
        field_map=with_split(profile, {"messages": column.name}),
        confidence=round(0.55 + 0.4 * share, 2),
        rationale=f"{column.name!r} lists turns with a role and a text; {share:.0%} end with the assistant",
        warnings=open_ended + aside(profile, column.name),
    )


def tool_calls(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Questions with function definitions, the calls that are wanted, or both."""
    tools = named(profile, *_TOOL_NAMES)
    question = _turns_column(profile) or named(profile, "question", "query", "prompt", "instruction")
    calls = next((c for c in by_name(profile, _CALL_NAMES) if _holds_calls(c)), None)
    if question is None or (tools is None and calls is None):
        return
    inside = any(_has_calls(example) for example in question.examples)
    field_map = {"messages": question.name}
    field_map |= {"tools": tools.name} if tools is not None else {}
    field_map |= {"calls": calls.name} if calls is not None else {}
    warnings = [
        "no column has the expected calls: every row would be rejected as missing_calls. If "
        "another file has them: join:LOCATOR+LOCATOR?on=id; if no function is to be called: "
        "--map unanswered=no_call",
    ] * (calls is None and not inside)
    warnings += ["no column defines the functions; their names cannot be checked"] * (tools is None)
    confidence = 0.6 if calls is None and not inside else 0.82 if tools is None else 0.96
    yield ShapeHypothesis(
        shape="conversations with tools",
        mapper_id="tool_calls_passthrough",
        task_profile="tool_calling",
        field_map=with_split(profile, field_map),
        confidence=confidence,
        rationale=_reason(question, tools, calls),
        warnings=warnings + aside(profile, *field_map.values()),
    )


def _reason(question: Column, tools: Column | None, calls: Column | None) -> str:
    parts = [f"{question.name!r} asks"]
    parts += [f"{tools.name!r} defines functions"] if tools is not None else []
    parts += [f"{calls.name!r} holds calls"] if calls is not None else []
    return ", ".join(parts)


def _turns_column(profile: Profile) -> Column | None:
    return next((c for c in by_name(profile, _MESSAGE_NAMES) if _holds_turns(c.examples)), None)


def _holds_turns(examples: list[Any]) -> bool:
    turns = [turn for example in examples if isinstance(example, list) for turn in example]
    fitting = sum(isinstance(turn, Mapping) and _is_turn(turn) for turn in turns)
    return bool(turns) and all(examples) and fitting >= 0.9 * len(turns)


def _is_turn(turn: Mapping[str, Any]) -> bool:
    content = next((turn[key] for key in _CONTENT_KEYS if key in turn), None)
    return _role(turn) is not None and isinstance(content, str | None)


def _role(turn: Any) -> str | None:
    if not isinstance(turn, Mapping):
        return None
    role = next((turn[key] for key in _ROLE_KEYS if key in turn), None)
    return role.lower() if isinstance(role, str) else None


def _has_calls(example: Any) -> bool:
    return isinstance(example, list) and any(
        isinstance(turn, Mapping) and turn.get("tool_calls") for turn in example
    )


def _holds_calls(column: Column) -> bool:
    """Lists of `{name, arguments}`, of `{name: {argument: values}}`, of Python calls, or their JSON text."""
    fitting = sum(_looks_like_calls(example) for example in column.examples)
    return bool(column.examples) and fitting >= 0.9 * len(column.examples)


def _looks_like_calls(value: Any) -> bool:
    if isinstance(value, str):
        return '"name"' in value and '"arguments"' in value
    if not isinstance(value, list):
        return False
    flat = [each for item in value for each in (item if isinstance(item, list) else [item])]
    return bool(flat) and all(_is_call(each) for each in flat)


def _is_call(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(")") and value.partition("(")[0].replace(".", "_").isidentifier()
    if not isinstance(value, Mapping):
        return False
    inner = value.get("function") if isinstance(value.get("function"), Mapping) else value
    if isinstance(inner, Mapping) and {"name", "arguments"} <= inner.keys():
        return True
    return len(value) == 1 and isinstance(next(iter(value.values())), Mapping)
