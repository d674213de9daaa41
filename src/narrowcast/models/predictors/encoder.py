"""Baselines on a frozen sentence encoder: linear models on its vectors, and the nearest train rows.

`encoder:ID` is logistic regression on the vectors, `encoder-svm:ID` a support-vector machine on vectors,
words and characters together, `nearest:ID` a vote of the nearest train rows. The encoder itself is not
trained; on short texts with few rows per label these are hard to beat.
"""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.errors import UsageError
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory, fitted_on_train
from narrowcast.models.predictors.baseline import FittedPredictor, training_pairs
from narrowcast.models.predictors.linear_text import fit_linear
from narrowcast.models.predictors.tfidf import calibrated_on_train
from narrowcast.models.predictors.vectors import shared_vectors


def _content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """The encoder's weights, and the rows that the model on top is fitted on."""
    weights = resolve_encoder(argument, context.settings).fingerprint()
    return {**fitted_on_train(context, argument), "weights": weights}


def _calibrated(context: PredictorContext, argument: str) -> Mapping[str, object]:
    return {**_content(context, argument), **calibrated_on_train(context, argument)}


def _linear(context: PredictorContext, argument: str) -> FittedPredictor:
    encoder = Encoder(resolve_encoder(argument, context.settings))
    shared_vectors(encoder, training_pairs(context), context)
    recipe = LinearRecipe.named("encoder", context.seed, encoder, context.shared)
    note = f"logistic regression on {encoder.folder.dimensions} dimensions"
    return _sized(fit_linear(context, f"encoder:{argument}", recipe, note=note), encoder)


def _with_words(context: PredictorContext, argument: str) -> FittedPredictor:
    encoder = Encoder(resolve_encoder(argument, context.settings))
    shared_vectors(encoder, training_pairs(context), context)
    recipe = LinearRecipe.named("encoder-svm", context.seed, encoder, context.shared)
    note = f"support-vector machine on {encoder.folder.dimensions} dimensions, words and characters"
    return _sized(fit_linear(context, f"encoder-svm:{argument}", recipe, note=note), encoder)


def _nearest(context: PredictorContext, argument: str) -> FittedPredictor:
    if not context.task.labels:
        raise UsageError(
            f"there is no nearest-neighbour baseline for the task {context.task.profile}",
            where=f"nearest:{argument}",
            next_command=f"narrowcast baseline --models encoder:{argument}",
        )
    from narrowcast.models.predictors.nearest import Nearest

    encoder = Encoder(resolve_encoder(argument, context.settings))
    pairs = training_pairs(context)
    vectors = shared_vectors(encoder, pairs, context)
    nearest = Nearest(encoder.embed, vectors, [pair.target for pair in pairs], context.task.labels)
    return _sized(
        FittedPredictor(
            f"nearest:{argument}", nearest.answers, f"{nearest.count} nearest of {len(pairs):,} rows"
        ),
        encoder,
    )


def _sized(predictor: FittedPredictor, encoder: Encoder) -> FittedPredictor:
    """With the encoder's weights, which are most of such a model."""
    predictor.size_bytes = encoder.folder.size_bytes + (predictor.size_bytes or 0)
    return predictor


_ARGUMENT = "an encoder of `narrowcast models list`, or its folder"
LINEAR = PredictorFactory(load=_linear, argument=_ARGUMENT, content=_content)
WITH_WORDS = PredictorFactory(load=_with_words, argument=_ARGUMENT, content=_calibrated)
NEAREST = PredictorFactory(load=_nearest, argument=_ARGUMENT, content=_content)
