"""A conversation, the tools at hand and the calls that are wanted → tool calling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter, with_value
from narrowcast.stages.import_.mapping.calls import parameter_names, read_calls, read_tools
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spoken import defined_functions, spoken_turns
from narrowcast.stages.import_.mapping.turns import (
    messages_of,
    read_turns,
    spoken_list,
    with_system,
)
from narrowcast.stages.import_.mapping.written import written

# The answer of a task whose rows hold replies in words beside calls.
_WITH_WORDS = {
    "type": "object",
    "properties": {"tool_calls": {"type": "array"}, "content": {"type": "string"}},
    "additionalProperties": False,
}


class ToolCallsPassthrough:
    """Reads OpenAI's messages with `tool_calls`, ShareGPT's, pairs of query and answers, and BFCL's forms.

    A conversation is cut into one row for each turn of the assistant that is to be learned, a call or words.
    Of several turns in a list of lists the last is answered; the calls of the turns before it are in the
    conversation, without the results of the tools where the source does not hold them.
    """

    id = "tool_calls_passthrough"
    meaning = "a conversation, tool definitions, and the expected calls"
    profile = "tool_calling"
    roles = (
        Role("messages", "a text, a list of turns or its JSON text, or a list of lists of turns"),
        Role("tools", "function definitions, or their JSON text", required=False),
        Role("calls", "the expected calls; by default those of the turns", required=False),
        Role("system", "system prompt that stands beside the conversation", required=False),
        Role(
            "unanswered",
            "meaning of rows without calls: reject, or no_call if no function is to be called",
            required=False,
            literal=True,
            words=("reject", "no_call"),
        ),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._path = field_map["messages"]
        self._messages = getter(self._path)
        self._tools = optional_getter(field_map, "tools")
        self._calls = optional_getter(field_map, "calls")
        self._system = optional_getter(field_map, "system")
        self._no_call = field_map.get("unanswered") == "no_call"
        self._words = False

    def records(self, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """One record for each turn of the assistant that is to be learned, which is its last."""
        if self._calls is not None:
            return [data]
        try:
            listed = spoken_list(self._messages(data))
            if not listed or not isinstance(listed[0], Mapping):
                return [data]
            turns = read_turns(listed)
        except RejectRow:
            return [data]  # `transform` rejects it by name
        ends = sorted({turn.place + 1 for turn in turns if turn.learned})
        if self._no_call and turns[-1].role != "assistant":
            ends.append(len(listed))
        if not ends or ends == [len(listed)]:
            return [data]
        return [with_value(data, self._path, listed[:end]) for end in ends]

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"tools"?, "messages"}` and `{"tool_calls": [{"name", "arguments", "accepted"?}], "content"?}`."""
        turns, own, words = _conversation(self._messages(data))
        system = self._system(data) if self._system is not None else None
        if self._tools is not None:
            given = self._tools(data)
            # A row of plain talk among rows with tools defines none.
            tools = read_tools(given) if given or not words else []
        else:
            system, turns, tools = _defined_tools(system, turns)
        parameters = parameter_names(tools)
        expected = self._calls(data) if self._calls is not None else own
        if _in_rounds(expected):
            turns, expected = _answered(turns, expected, parameters)
        if expected is None:
            if not self._no_call:
                raise RejectRow("missing_calls")
            expected = []
        calls = read_calls(expected, parameters, tools)
        unknown = next((call["name"] for call in calls if tools and call["name"] not in parameters), None)
        if unknown is not None:
            raise RejectRow("unknown_tool", str(unknown)[:80])
        messages = [turn for rounds in turns for turn in rounds]
        if not any(turn["role"] == "user" and turn["content"].strip() for turn in messages):
            raise RejectRow("no_valid_turns")
        inputs = {"tools": tools} if tools else {}
        target: dict[str, Any] = {"tool_calls": calls}
        if words and self._calls is None:
            self._words = True
            target["content"] = words
        return {**inputs, "messages": with_system(messages, system)}, target

    def task(self) -> TaskSpec:
        """The profile, and that answers may be words where rows hold such."""
        return TaskSpec(profile=self.profile, output_schema=_WITH_WORDS if self._words else {})


Rounds = list[list[dict[str, Any]]]


def _defined_tools(system: Any, rounds: Rounds) -> tuple[Any, Rounds, list[dict[str, Any]]]:
    """The functions that the system prompt ends with, and the conversation without their definitions."""
    first = rounds[0][0] if rounds and rounds[0] else {}
    if isinstance(system, str):
        words, functions = defined_functions(system)
        return words, rounds, read_tools(functions) if functions else []
    if first.get("role") != "system":
        return system, rounds, []
    words, functions = defined_functions(first["content"])
    if not functions:
        return system, rounds, []
    opening = [{**first, "content": words}] if words else []
    return system, [[*opening, *rounds[0][1:]], *rounds[1:]], read_tools(functions)


def _in_rounds(expected: Any) -> bool:
    return isinstance(expected, list) and bool(expected) and all(isinstance(each, list) for each in expected)


def _conversation(value: Any) -> tuple[Rounds, Any, str]:
    """Rounds of turns before the last of the assistant's, the calls of that one, and its words."""
    if isinstance(value, str) and not isinstance(written(value), list) and spoken_turns(value) is None:
        return [[{"role": "user", "content": value}]], None, ""
    if isinstance(value, list) and value and all(isinstance(each, list) for each in value):
        return [messages_of(read_turns(each)) for each in value], None, ""
    turns = read_turns(value)
    if not turns:
        raise RejectRow("invalid_messages_shape", "there are no turns")
    last = turns[-1]
    if last.role != "assistant":
        return [messages_of(turns)], None, ""
    if not last.learned:
        raise RejectRow("nothing_to_learn" if last.weight == 0 else "missing_assistant_reply")
    before = [messages_of(turns[:-1])]
    return (before, list(last.calls), "") if last.calls else (before, [], last.content)


def _said(calls: list[dict[str, Any]]) -> dict[str, Any]:
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
