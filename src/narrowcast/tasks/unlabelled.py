"""Rows without an answer: they can be labelled, not learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.errors import UsageError
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation


class UnlabelledHandler(TaskHandler):
    """Rejects every row, so that nothing is trained or measured before there are answers."""

    answer = AnswerKind.NONE

    def check(self, example: Example) -> str | None:
        """Always `unlabelled`."""
        del example
        return "unlabelled"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """The text alone."""
        return conversation(self.instruction, inputs, None if target is None else str(target))

    def parse(self, text: str) -> Parsed:
        """The text as it is."""
        return Parsed(text)

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """There is nothing to compare with.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "rows without answers cannot be scored",
            where=f"{len(examples)} rows, {len(predictions)} answers",
            next_command="narrowcast data review, to label these; or import labelled rows",
            reason_code="eval_answers_missing",
        )

    def default_gates(self) -> list[Gate]:
        """None."""
        return []
