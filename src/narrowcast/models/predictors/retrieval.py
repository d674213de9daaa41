"""The train rows that are nearest to a question, by TF-IDF of words and characters or by sentence vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from narrowcast.core.prediction import PromptRequest
from narrowcast.models.classifiers.features import text_features
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.baseline import last_user_turn
from narrowcast.models.predictors.shots import Choose
from narrowcast.models.predictors.vectors import shared_vectors
from narrowcast.plugins.optional import require

TFIDF = "tfidf"


def nearest_rows(by: str, pairs: Sequence[TrainingPair], context: PredictorContext) -> Choose:
    """Chooses the `context.shots` nearest of the train rows; of equally near ones the first.

    Args:
        by: `tfidf`, or an encoder.
        pairs: the train rows.
        context: how many, and where encoders are.
    """
    import numpy as np

    similar = _by_tfidf(pairs) if by == TFIDF else _by_encoder(by, pairs, context)

    def choose(requests: Sequence[PromptRequest]) -> list[Sequence[TrainingPair]]:
        scores = similar([last_user_turn(each) for each in requests])
        ranked = np.argsort(-scores, axis=1, kind="stable")[:, : context.shots]
        return [[pairs[row] for row in rows] for rows in ranked]

    return choose


def retrieval_content(by: str, context: PredictorContext) -> Mapping[str, object]:
    """What the choice depends on besides the train rows.

    Raises:
        ModelError: if the encoder is not on this machine.
    """
    require("sklearn", "numpy", purpose="finding the nearest train rows")
    return {} if by == TFIDF else {"encoder": resolve_encoder(by, context.settings).fingerprint()}


Similar = Callable[[Sequence[str]], Any]
"""From texts to their similarities to the train rows, of shape (texts, train rows)."""


def _by_tfidf(pairs: Sequence[TrainingPair]) -> Similar:
    features = text_features("words", "characters")
    known = features.fit_transform([pair.text for pair in pairs]).T.tocsc()
    return lambda asked: (features.transform(asked) @ known).toarray()


def _by_encoder(name: str, pairs: Sequence[TrainingPair], context: PredictorContext) -> Similar:
    from narrowcast.models.encoders.encoder import Encoder
    from narrowcast.models.predictors.nearest import unit

    encoder = Encoder(resolve_encoder(name, context.settings))
    known = unit(shared_vectors(encoder, pairs, context)).T
    return lambda asked: unit(encoder.embed(asked)) @ known
