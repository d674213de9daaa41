"""Two answers to one prompt, of which one is preferred → alignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text
from narrowcast.stages.import_.mapping.spoken import spoken_turns
from narrowcast.stages.import_.mapping.turns import messages_of, read_turns, with_system


class PreferencePair:
    """The prompt is a text or a list of turns; an answer may be a text or a conversation that ends in it.

    Where the prompt is read from the column of the preferred answer, both columns are whole conversations
    that differ in their last reply alone: lists of turns, or texts of `Human:` and `Assistant:`.
    """

    id = "preference_pair"
    meaning = "a prompt, the answer that is preferred and one that is not"
    profile = "alignment"
    roles = (
        Role(
            "prompt",
            "the prompt of both answers: a text or a list of turns, which may be the chosen conversation",
            shares=("chosen", "rejected"),
        ),
        Role("chosen", "the preferred answer"),
        Role("rejected", "the other answer"),
        Role("input", "what the prompt is to be done with", required=False),
        Role("system", "system prompt that stands beside the prompt", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._prompt = getter(field_map["prompt"])
        self._chosen = getter(field_map["chosen"])
        self._rejected = getter(field_map["rejected"])
        self._input = optional_getter(field_map, "input")
        self._system = optional_getter(field_map, "system")
        self._whole = field_map["prompt"] == field_map["chosen"]

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"prompt", "input"?}` or `{"messages"}`, and `{"chosen", "rejected"}`."""
        preferred, other = (_conversation(read(data)) for read in (self._chosen, self._rejected))
        chosen = _answer(preferred, "missing_chosen")
        rejected = _answer(other, "missing_rejected")
        if chosen.strip() == rejected.strip():
            raise RejectRow("equal_answers", chosen[:80])
        if self._whole:
            _refuse_other_prompt(preferred, other)
        return self._inputs(data), {"chosen": chosen, "rejected": rejected}

    def _inputs(self, data: Mapping[str, Any]) -> dict[str, Any]:
        prompt = _conversation(self._prompt(data))
        system = self._system(data) if self._system is not None else None
        if isinstance(prompt, list):
            turns = list(prompt)
            # A prompt that is the chosen conversation itself: its last reply is the answer.
            while turns and turns[-1].role == "assistant":
                turns.pop()
            if not turns:
                raise RejectRow("no_valid_turns")
            return {"messages": with_system(messages_of(turns), system)}
        inputs = {"prompt": require_text(prompt, "missing_instruction")}
        extra = self._input(data) if self._input is not None else None
        if extra is not None and str(extra).strip():
            inputs["input"] = require_text(extra, "missing_text")
        if system is None or not str(system).strip():
            return inputs
        request = {"role": "user", "content": "\n\n".join(inputs.values())}
        return {"messages": with_system([request], system)}

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def _conversation(value: Any) -> Any:
    """Turns of a conversation; any other value as it is."""
    if isinstance(value, Mapping):
        value = [value]
    if isinstance(value, list):
        return read_turns(value)
    spoken = spoken_turns(value) if isinstance(value, str) else None
    return value if spoken is None else read_turns(spoken)


def _answer(value: Any, missing: str) -> str:
    if isinstance(value, list):
        value = value[-1].content if value and value[-1].role == "assistant" else None
    return require_text(value, missing)


def _refuse_other_prompt(chosen: Any, rejected: Any) -> None:
    if not isinstance(chosen, list):
        raise RejectRow("answer_in_prompt", "the prompt is the answer itself")
    before = [(turn.role, turn.content.strip()) for turn in chosen[:-1]]
    other = (
        [(turn.role, turn.content.strip()) for turn in rejected[:-1]] if isinstance(rejected, list) else None
    )
    if other is not None and len(rejected) > 1 and before != other:
        raise RejectRow("unequal_prompts")
