"""What the fitted baselines share: rows of the train split only, an empty `close`, timed batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.errors import DataError
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.predictors.base import PredictorContext, TrainingPair


class FittedPredictor:
    """A predictor around a function from texts to answers; nothing to free."""

    def __init__(self, name: str, answer: Callable[[Sequence[str]], list[Answer]], note: str = "") -> None:
        self.name = name
        self.note = note
        self.size_bytes: int | None = None
        self._answer = answer

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """Answers to the last user turns; the batch's time is divided by its size."""
        began = time.perf_counter()
        answers = self._answer([last_user_turn(request) for request in requests])
        seconds = (time.perf_counter() - began) / max(len(requests), 1)
        return [Prediction(text=text, logprobs=logprobs, latency_s=seconds) for text, logprobs in answers]

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def last_user_turn(request: PromptRequest) -> str:
    """The text a baseline looks at."""
    return next((each.content for each in reversed(request.messages) if each.role == "user"), "")


def training_pairs(context: PredictorContext) -> list[TrainingPair]:
    """The train split.

    Raises:
        DataError: if it has no rows.
    """
    pairs = list(context.train())
    if not pairs:
        raise DataError(
            "the train split is empty, so no baseline can be fitted",
            next_command="narrowcast prepare",
            reason_code="baseline_failed",
        )
    return pairs
