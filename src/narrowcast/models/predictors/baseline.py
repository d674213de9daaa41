"""What the fitted baselines share: rows of the train split only, an empty `close`, timed batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.errors import DataError
from narrowcast.models.predictors.base import PredictorContext, TrainingPair

# An answer and, for a label set, its log-probabilities.
Answer = tuple[str, dict[str, float] | None]


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


@contextmanager
def many_classes() -> Iterator[None]:
    """Fit on few rows of many classes without scikit-learn's guess that numbers may be meant."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        yield


def fitted(model: Any, inputs: Any, targets: Sequence[str]) -> Any:
    """Fit a scikit-learn model on one BLAS thread.

    The solver's vectors are too small to gain from more, and where another process has one of the cores,
    threads that wait for each other make it several times slower.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1), many_classes():
        return model.fit(inputs, list(targets))


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
