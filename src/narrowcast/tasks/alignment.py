"""Preferences: of two answers, the model should find the preferred one likelier.

Scored by log-probabilities, never by likeness of texts: the margin of a row is log P(chosen) less
log P(rejected), in nats over whole answers, and a row is right where it is positive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.errors import StageError
from narrowcast.tasks.base import Parsed, RowOutcome, Sums, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation, missing_input


class AlignmentHandler(TaskHandler):
    """Targets are `{"chosen", "rejected"}`; training on answers alone learns the chosen one."""

    answer = AnswerKind.PREFERENCE

    def check(self, example: Example) -> str | None:
        """`empty_input`, `target_not_a_pair` or `equal_answers`; None where the example can serve."""
        if missing_input(example.inputs):
            return "empty_input"
        target = example.target
        if not isinstance(target, dict) or not all(
            isinstance(target.get(key), str) and target[key].strip() for key in ("chosen", "rejected")
        ):
            return "target_not_a_pair"
        return "equal_answers" if target["chosen"].strip() == target["rejected"].strip() else None

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """The prompt as a person would type it, and the chosen answer."""
        if "prompt" in inputs:
            parts = [str(inputs[key]) for key in ("prompt", "input") if inputs.get(key)]
            inputs = {"text": "\n\n".join(parts)}
        chosen = target["chosen"] if isinstance(target, dict) else target
        return conversation(self.instruction, inputs, chosen)

    def parse(self, text: str) -> Parsed:
        """The text as it is; `empty_answer` where it is blank."""
        return Parsed(text) if text.strip() else Parsed(error="empty_answer")

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """`preference_accuracy` and the mean `margin` in nats.

        Raises:
            StageError: if a model gave no probabilities of the two answers.
        """
        import numpy as np

        margins = np.array([_margin(*pair) for pair in zip(examples, predictions, strict=True)])

        def means(totals: Any) -> dict[str, Any]:
            rows, preferred, margin = totals.T
            return {
                "preference_accuracy": preferred / np.maximum(rows, 1),
                "margin": margin / np.maximum(rows, 1),
            }

        sums = Sums(np.column_stack([np.ones(len(margins)), margins > 0, margins]), means)
        outcomes = [
            RowOutcome(example.id, bool(margin > 0), _pair(example)["chosen"], prediction.text)
            for example, prediction, margin in zip(examples, predictions, margins, strict=True)
        ]
        return TaskScores(
            primary="preference_accuracy",
            metrics=sums.over(np.arange(len(margins))),
            rows=outcomes,
            resample=sums.over,
            open_ended=frozenset({"margin"}),
            sums=sums,
        )

    def metric_names(self, examples: Sequence[Example]) -> list[str]:  # noqa: ARG002 - the contract
        """Known without an answer, which only probabilities can be scored from."""
        return ["preference_accuracy", "margin"]

    def default_gates(self) -> list[Gate]:
        """Better than a coin."""
        return [Gate(gate_id="prefers_chosen", metric="preference_accuracy", operator="gte", threshold=0.5)]


def _pair(example: Example) -> dict[str, Any]:
    return example.target if isinstance(example.target, dict) else {}


def _margin(example: Example, prediction: Prediction) -> float:
    pair, known = _pair(example), prediction.logprobs or {}
    if pair["chosen"] not in known or pair["rejected"] not in known:
        raise StageError(
            "the model gave no probabilities of the two answers; preferences cannot be scored from texts",
            where=example.id,
            next_command="narrowcast eval base, or a run: models that score answers",
            reason_code="eval_runtime_error",
        )
    return float(known[pair["chosen"]] - known[pair["rejected"]])
