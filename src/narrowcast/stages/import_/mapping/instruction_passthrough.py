"""Instruction, input where there is one, and output → instruction following."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.reasons import require_text


class InstructionPassthrough:
    """An empty input is left out, as in Alpaca's form."""

    id = "instruction_passthrough"
    meaning = "an instruction, with or without an input, and the expected output"
    profile = "instruction"
    roles = (
        Role("instruction", "what is to be done"),
        Role("output", "the expected output"),
        Role("input", "what it is to be done with", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._instruction = getter(field_map["instruction"])
        self._output = getter(field_map["output"])
        self._input = optional_getter(field_map, "input")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"instruction": ..., "input"?: ...}` and the output."""
        inputs = {"instruction": require_text(self._instruction(data), "missing_instruction")}
        if self._input is not None:
            value = self._input(data)
            if value is not None and str(value).strip():
                inputs["input"] = require_text(value, "missing_text")
        return inputs, require_text(self._output(data), "missing_output")

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)
