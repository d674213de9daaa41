"""Instruction, input where there is one, and output → instruction following."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text
from narrowcast.stages.import_.mapping.turns import messages_of, read_turns, turn_list, with_system


class InstructionPassthrough:
    """An empty input is left out, as in Alpaca's form.

    With a system prompt or a history the row is a conversation; the input follows the instruction on a line
    of its own.
    """

    id = "instruction_passthrough"
    meaning = "an instruction, with or without an input, and the expected output"
    profile = "instruction"
    roles = (
        Role("instruction", "what is to be done"),
        Role("output", "the expected output"),
        Role("input", "what it is to be done with", required=False),
        Role("system", "system prompt", required=False),
        Role("history", "what was said before: pairs of a request and its answer, or turns", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._instruction = getter(field_map["instruction"])
        self._output = getter(field_map["output"])
        self._input = optional_getter(field_map, "input")
        self._system = optional_getter(field_map, "system")
        self._history = optional_getter(field_map, "history")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"instruction": ..., "input"?: ...}` or `{"messages": [...]}`, and the output."""
        inputs = {"instruction": require_text(self._instruction(data), "missing_instruction")}
        if self._input is not None:
            value = self._input(data)
            if value is not None and str(value).strip():
                inputs["input"] = require_text(value, "missing_text")
        output = require_text(self._output(data), "missing_output")
        if self._system is None and self._history is None:
            return inputs, output
        history = self._history(data) if self._history is not None else None
        messages = [*history_turns(history), {"role": "user", "content": "\n".join(inputs.values())}]
        system = self._system(data) if self._system is not None else None
        return {"messages": with_system(messages, system)}, output

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def history_turns(value: Any) -> list[dict[str, Any]]:
    """Turns of a list of turns, or of `[request, answer]` pairs; none where there is no history.

    Raises:
        RejectRow: `invalid_messages_shape`.
    """
    if value is None or value == "":
        return []
    listed = turn_list(value)
    if all(isinstance(each, Mapping) for each in listed):
        return messages_of(read_turns(listed))
    for pair in listed:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)):
            raise RejectRow("invalid_messages_shape", "a history holds turns, or pairs of request and answer")
    roles = ("user", "assistant")
    return [
        {"role": role, "content": text}
        for pair in listed
        for role, text in zip(roles, pair, strict=True)
        if text.strip()
    ]
