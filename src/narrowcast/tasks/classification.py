"""Classification: one label out of a closed set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation, missing_input
from narrowcast.tasks.row_shape import RowShape, label_rows

# Above this many labels the list costs more prompt than a trained model gains from it.
_LIST_UP_TO = 12


class ClassificationHandler(TaskHandler):
    """The answer is a label of `spec.labels`, literally."""

    answer = AnswerKind.LABEL
    default_instruction = "Classify the message. Answer with one label and nothing else."

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._known = frozenset(spec.labels)
        self._prompt = self.instruction + _listed(spec)

    def check(self, example: Example) -> str | None:
        """`empty_input`, `target_not_a_label` or `unknown_label`; None where the example can serve."""
        if missing_input(example.inputs):
            return "empty_input"
        if not isinstance(example.target, str) or not example.target.strip():
            return "target_not_a_label"
        if example.target not in self._known:
            return "unknown_label"
        return None

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction (with the labels where they are listed), the message, the label."""
        return conversation(self._prompt, inputs, None if target is None else str(target))

    def parse(self, text: str) -> Parsed:
        """The label, exactly, but for white space around it; else `empty_answer` or `unknown_label`."""
        answer = text.strip()
        if not answer:
            return Parsed(error="empty_answer")
        if answer not in self._known:
            return Parsed(error="unknown_label")
        return Parsed(answer)

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """See `tasks.scoring_labels`."""
        from narrowcast.tasks.scoring_labels import score_labels

        return score_labels(
            self.spec.labels, examples, predictions, [self.parse(each.text) for each in predictions]
        )

    def metric_names(self, examples: Sequence[Example]) -> list[str]:
        """Those of every answer, and those of answers with probabilities."""
        return [*super().metric_names(examples), "ece", "brier"]

    def default_gates(self) -> list[Gate]:
        """None: models choose among the labels, so the form of an answer cannot be wrong."""
        return []

    def row_shape(self) -> RowShape:
        """A text and its label."""
        return label_rows(self.spec.labels)


def _listed(spec: TaskSpec) -> str:
    listed = spec.list_labels == "always" or (spec.list_labels == "auto" and len(spec.labels) <= _LIST_UP_TO)
    return f"\nLabels: {', '.join(spec.labels)}" if listed and spec.labels else ""
