"""Question, retrieved passages and answer → answering from passages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.example import Target
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.qa_pair_passthrough import read_answers
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class RagPassthrough:
    """Passages keep their order; answers are read as `qa_pair_passthrough` reads them."""

    id = "rag_passthrough"
    meaning = "a question, the passages that were retrieved for it, and the answer"
    profile = "rag"
    roles = (
        Role("question", "what is asked"),
        Role("contexts", "a text, a list of texts, or a list of objects with a text and perhaps a title"),
        Role("answer", "a text, a list of texts, or SQuAD's answers"),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._question = getter(field_map["question"])
        self._contexts = getter(field_map["contexts"])
        self._answer = getter(field_map["answer"])

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        """`{"contexts": [...], "question": ...}` and the answer or answers."""
        contexts = _passages(self._contexts(data))
        question = require_text(self._question(data), "missing_question")
        answers = read_answers(self._answer(data))
        target: Target = answers[0] if len(answers) == 1 else {"answers": answers}
        return {"contexts": contexts, "question": question}, target

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def _passages(value: Any) -> list[str]:
    if not isinstance(value, list):
        return [require_text(value, "missing_text")]
    if not value:
        raise RejectRow("missing_text", "the list of passages is empty")
    return [_passage(each) for each in value]


def _passage(value: Any) -> str:
    if not isinstance(value, Mapping):
        return require_text(value, "missing_text")
    text = next((value[key] for key in ("text", "content", "passage", "page_content") if key in value), None)
    title = value.get("title")
    body = require_text(text, "missing_text")
    return f"{title}\n{body}" if isinstance(title, str) and title.strip() else body
