"""What the answers of an untuned base depend on, whichever way it is asked."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.models.predictors.base import PredictorContext, fitted_on_train


def base_content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """The base's weights, the rows that examples are drawn from, and how many."""
    from narrowcast.models.loading import resolve_base

    weights = resolve_base(context.base, context.settings).fingerprint
    return {**fitted_on_train(context, argument), "weights": weights, "shots": context.shots}
