"""The contract of whatever answers: batch in, predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from narrowcast.core.prediction import Prediction, PromptRequest


class Predictor(Protocol):
    """A loaded model. Used as a context manager; `close` ends processes and frees memory.

    Attributes:
        name: how reports call it.
        size_bytes: weights on disk, None where there are none.
    """

    name: str
    size_bytes: int | None

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One prediction a request, in order.

        Raises:
            ModelError: where the model fails; never a stand-in answer.
        """

    def close(self) -> None:
        """Free what the predictor holds."""

    def __enter__(self) -> Self:
        """The predictor itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
