"""A conversation, the tools at hand and the calls that are wanted → tool calling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.calls import parameter_names, read_calls, read_tools
from narrowcast.stages.import_.mapping.chat_messages_passthrough import read_turns
from narrowcast.stages.import_.mapping.reasons import RejectRow


class ToolCallsPassthrough:
    """Reads OpenAI's messages with `tool_calls`, pairs of query and answers, and the forms of BFCL.

    Of several turns in a list of lists the last is answered; the calls of the turns before it are in the
    conversation, without the results of the tools where the source does not hold them.
    """

    id = "tool_calls_passthrough"
    meaning = "a conversation, tool definitions, and the expected calls"
    profile = "tool_calling"
    roles = (
        Role("messages", "a text, a list of turns, or a list of lists of turns"),
        Role("tools", "function definitions, or their JSON text", required=False),
        Role("calls", "the expected calls; by default the tool_calls of the last turn", required=False),
        Role(
            "unanswered",
            "meaning of rows without calls: reject, or no_call if no function is to be called",
            required=False,
            literal=True,
            words=("reject", "no_call"),
        ),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._messages = getter(field_map["messages"])
        self._tools = optional_getter(field_map, "tools")
        self._calls = optional_getter(field_map, "calls")
        self._no_call = field_map.get("unanswered") == "no_call"

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"tools"?, "messages"}` and `{"tool_calls": [{"name", "arguments", "accepted"?}]}`."""
        tools = read_tools(self._tools(data)) if self._tools is not None else []
        parameters = parameter_names(tools)
        turns, own = _conversation(self._messages(data))
        expected = self._calls(data) if self._calls is not None else own
        if _in_rounds(expected):
            turns, expected = _answered(turns, expected, parameters)
        if expected is None:
            if not self._no_call:
                raise RejectRow("missing_calls")
            expected = []
        calls = read_calls(expected, parameters)
        unknown = next((call["name"] for call in calls if tools and call["name"] not in parameters), None)
        if unknown is not None:
            raise RejectRow("unknown_tool", str(unknown)[:80])
        messages = [turn for rounds in turns for turn in rounds]
        if not any(turn["role"] == "user" and turn["content"].strip() for turn in messages):
            raise RejectRow("no_valid_turns")
        inputs = {"tools": tools} if tools else {}
        return {**inputs, "messages": messages}, {"tool_calls": calls}

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


Rounds = list[list[dict[str, str]]]


def _in_rounds(expected: Any) -> bool:
    return isinstance(expected, list) and bool(expected) and all(isinstance(each, list) for each in expected)


def _conversation(value: Any) -> tuple[Rounds, Any]:
    """Rounds of turns, and the calls of the last assistant's turn where the conversation ends in one."""
    if isinstance(value, str):
        return [[{"role": "user", "content": value}]], None
    if isinstance(value, list) and value and all(isinstance(each, list) for each in value):
        return [read_turns(each) for each in value], None
    if not isinstance(value, list) or not value:
        raise RejectRow("invalid_messages_shape", f"found {type(value).__name__}")
    last = value[-1]
    calls = last.get("tool_calls") if isinstance(last, Mapping) else None
    if calls:
        return [[_with_calls(each) for each in value[:-1]]], calls
    turns = [_with_calls(each) for each in value]
    if turns[-1]["role"] == "assistant":
        # The assistant answered in words: no function was called.
        return [turns[:-1]], []
    return [turns], None


def _with_calls(turn: Any) -> dict[str, str]:
    """A turn as text; calls made earlier in the conversation are written as the answers are."""
    if isinstance(turn, Mapping) and turn.get("tool_calls"):
        return _said(read_calls(turn["tool_calls"], {}))
    return read_turns([turn])[0]


def _said(calls: list[dict[str, Any]]) -> dict[str, str]:
    plain = [{"name": call["name"], "arguments": call["arguments"]} for call in calls]
    return {"role": "assistant", "content": json.dumps(plain, ensure_ascii=False)}


def _answered(
    rounds: Rounds, expected: list[Any], parameters: Mapping[str, Sequence[str]]
) -> tuple[Rounds, Any]:
    """The conversation with the calls of every round but the last, which are the ones that are wanted."""
    if len(rounds) != len(expected):
        raise RejectRow("length_mismatch", f"{len(rounds)} rounds of turns, {len(expected)} of calls")
    earlier: Rounds = []
    for turns, calls in zip(rounds[:-1], expected[:-1], strict=True):
        earlier.append([*turns, _said(read_calls(calls, parameters))])
    return [*earlier, rounds[-1]], expected[-1]
