"""Sentence vectors of the train rows, which the predictors of one measurement share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.features import train_vectors
from narrowcast.models.predictors.base import PredictorContext, TrainingPair

if TYPE_CHECKING:
    from narrowcast.models.encoders.encoder import Encoder


def shared_vectors(encoder: Encoder, pairs: Sequence[TrainingPair], context: PredictorContext) -> Any:
    """The vectors of shape (rows, dimensions), computed once, with progress.

    Raises:
        CancelledError: on request.
    """
    work = context.work
    work.progress.start("vectors of the train rows", len(pairs))

    def advance(rows: int) -> None:
        work.cancel.check()
        work.progress.advance(rows)

    return train_vectors(encoder, [pair.text for pair in pairs], context.shared, advance)
