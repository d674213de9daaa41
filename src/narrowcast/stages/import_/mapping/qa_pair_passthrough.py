"""Question, answer and, where there is one, the context → question answering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.example import Target
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class QaPairPassthrough:
    """Several accepted answers (SQuAD's `answers`) become `{"answers": [...]}`; the first is learned."""

    id = "qa_pair_passthrough"
    meaning = "a question and its answer, with or without a context"
    profile = "qa"
    roles = (
        Role("question", "what is asked"),
        Role("answer", "a text, a list of texts, or SQuAD's answers"),
        Role("context", "the passage that holds the answer", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._question = getter(field_map["question"])
        self._answer = getter(field_map["answer"])
        self._context = optional_getter(field_map, "context")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        """`{"question": ..., "context"?: ...}` and the answer or answers."""
        inputs = {}
        if self._context is not None:
            context = self._context(data)
            if context is not None and str(context).strip():
                inputs["context"] = require_text(context, "missing_text")
        inputs["question"] = require_text(self._question(data), "missing_question")
        answers = read_answers(self._answer(data))
        return inputs, answers[0] if len(answers) == 1 else {"answers": answers}

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def read_answers(value: Any) -> list[str]:
    """The accepted answers, each once, in their order.

    Raises:
        RejectRow: `missing_answer`.
    """
    if isinstance(value, Mapping):
        value = value.get("text")
    if not isinstance(value, list):
        return [require_text(value, "missing_answer")]
    texts = [each.get("text") if isinstance(each, Mapping) else each for each in value]
    answers = [require_text(each, "missing_answer") for each in texts]
    if not answers:
        raise RejectRow("missing_answer")
    return list(dict.fromkeys(answers))
