"""Two answers to one prompt, of which one is preferred → alignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.chat_messages_passthrough import read_turns
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class PreferencePair:
    """The prompt is a text or a list of turns; an answer may be a text or a conversation that ends in it."""

    id = "preference_pair"
    meaning = "a prompt, the answer that is preferred and one that is not"
    profile = "alignment"
    roles = (
        Role("prompt", "the prompt of both answers: a text or a list of turns"),
        Role("chosen", "the preferred answer"),
        Role("rejected", "the other answer"),
        Role("input", "what the prompt is to be done with", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._prompt = getter(field_map["prompt"])
        self._chosen = getter(field_map["chosen"])
        self._rejected = getter(field_map["rejected"])
        self._input = optional_getter(field_map, "input")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"prompt", "input"?}` or `{"messages"}`, and `{"chosen", "rejected"}`."""
        chosen = _answer(self._chosen(data), "missing_chosen")
        rejected = _answer(self._rejected(data), "missing_rejected")
        if chosen.strip() == rejected.strip():
            raise RejectRow("equal_answers", chosen[:80])
        return self._inputs(data), {"chosen": chosen, "rejected": rejected}

    def _inputs(self, data: Mapping[str, Any]) -> dict[str, Any]:
        prompt = self._prompt(data)
        if isinstance(prompt, list):
            turns = read_turns(prompt)
            # A prompt that is the chosen conversation itself: its last reply is the answer.
            while turns and turns[-1]["role"] == "assistant":
                turns.pop()
            if not turns:
                raise RejectRow("no_valid_turns")
            return {"messages": turns}
        inputs = {"prompt": require_text(prompt, "missing_instruction")}
        extra = self._input(data) if self._input is not None else None
        if extra is not None and str(extra).strip():
            inputs["input"] = require_text(extra, "missing_text")
        return inputs

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def _answer(value: Any, missing: str) -> str:
    if isinstance(value, list):
        turns = read_turns(value)
        value = turns[-1]["content"] if turns and turns[-1]["role"] == "assistant" else None
    return require_text(value, missing)
