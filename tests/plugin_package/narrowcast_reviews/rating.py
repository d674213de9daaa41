"""The task `rating`: a label on a scale, where a near miss is better than a far one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation, missing_input
from narrowcast.tasks.row_means import mean_scores
from narrowcast.tasks.row_shape import RowShape, label_rows


class RatingHandler(TaskHandler):
    """The labels of the task, in their order, are the scale."""

    # Stages decide by the kind of the answers: a closed set is scored, splits are stratified by label.
    answer = AnswerKind.LABEL
    # Rows look like those of a classification, so its mappers fit.
    family = "classification"
    default_instruction = "Rate the review. Answer with one number and nothing else."

    def check(self, example: Example) -> str | None:
        """`empty_input` or `not_on_the_scale`; None where the example can serve."""
        if missing_input(example.inputs):
            return "empty_input"
        return None if example.target in self.spec.labels else "not_on_the_scale"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction, review and rating."""
        scale = f"{self.instruction}\nScale: {', '.join(self.spec.labels)}"
        return conversation(scale, inputs, None if target is None else str(target))

    def parse(self, text: str) -> Parsed:
        """A rating of the scale; anything else is `not_on_the_scale`."""
        answer = text.strip()
        return Parsed(answer) if answer in self.spec.labels else Parsed(error="not_on_the_scale")

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """`closeness` decides: 1 for the right rating, 0 for the other end of the scale or no rating."""
        answers = [self.parse(each.text) for each in predictions]
        rows = [
            self._measured(str(example.target), answer)
            for example, answer in zip(examples, answers, strict=True)
        ]
        return mean_scores(("accuracy", "closeness", "answer_rate"), "closeness", rows, examples, answers)

    def default_gates(self) -> list[Gate]:
        """Almost every answer is a rating."""
        return [Gate(gate_id="answers_are_ratings", metric="answer_rate", operator="gte", threshold=0.98)]

    def row_shape(self) -> RowShape:
        """How a teacher writes rows: a text and one of the labels."""
        return label_rows(self.spec.labels)

    def _measured(self, wanted: str, answer: Parsed) -> tuple[float, float, float]:
        if answer.error:
            return 0.0, 0.0, 0.0
        scale = self.spec.labels
        distance = abs(scale.index(wanted) - scale.index(answer.value))
        return float(distance == 0), 1 - distance / max(len(scale) - 1, 1), 1.0
