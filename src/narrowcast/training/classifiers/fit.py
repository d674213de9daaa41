"""Fitting a linear model on the train rows, on vectors that are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.models.classifiers.linear import UNSEEN, LinearClassifier
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.training.classifiers.setup import ClassifierSetup
from narrowcast.training.options import Options

if TYPE_CHECKING:
    from narrowcast.models.classifiers.recipe import LinearRecipe


def loaded_recipe(setup: ClassifierSetup, options: Options, ctx: StageContext) -> LinearRecipe:
    """The unfitted model; vectors of the train rows are computed here, where progress can be shown."""
    from narrowcast.models.classifiers.features import train_vectors
    from narrowcast.models.classifiers.recipe import LinearRecipe

    if setup.encoder is None:
        return LinearRecipe(setup.features, setup.kind, options.seed)
    from narrowcast.models.encoders.encoder import Encoder

    encoder = Encoder(setup.encoder)
    recipe = LinearRecipe(setup.features, setup.kind, options.seed, encoder)
    texts = [pair.text for pair in setup.train]
    ctx.progress.start(f"vectors of {len(texts):,} train rows", len(texts))

    def advance(rows: int) -> None:
        ctx.cancel.check(reason_code="training_cancelled")
        ctx.progress.advance(rows)

    train_vectors(encoder, texts, recipe.shared, advance)
    return recipe


def fit(setup: ClassifierSetup, recipe: LinearRecipe, ctx: StageContext) -> LinearClassifier:
    """The model on the train rows."""
    from narrowcast.models.predictors.linear_text import fit_closed

    ctx.cancel.check(reason_code="training_cancelled")
    ctx.progress.start(f"fitting a linear model on {len(setup.train):,} rows")
    return fit_closed(recipe, setup.train, Work(ctx.progress, ctx.cancel), several=setup.several)


def scores_of(
    classifier: LinearClassifier, recipe: LinearRecipe, pairs: Sequence[TrainingPair], *, known: bool
) -> Any:
    """Of shape (rows, classes); the vectors of train rows are `known` where the encoder is unchanged."""
    from narrowcast.models.classifiers.features import train_vectors

    texts, encoder = [pair.text for pair in pairs], recipe.encoder
    if not known or encoder is None:
        return classifier.scores(texts, recipe.embed)
    return classifier.scores(texts, lambda each: train_vectors(encoder, each, recipe.shared))


def classifier_loss(classifier: LinearClassifier, scores: Any, pairs: Sequence[TrainingPair]) -> float:
    """Mean of minus the log-probability of the right label, in nats per row."""
    table = classifier.log_probabilities(scores)
    assert table is not None
    column = {name: number for number, name in enumerate(classifier.classes)}
    right = [
        float(row[column[pair.target]]) if pair.target in column else UNSEEN
        for row, pair in zip(table, pairs, strict=True)
    ]
    return max(0.0, -sum(right) / len(right))  # never minus zero


def linear_losses(
    classifier: LinearClassifier, recipe: LinearRecipe, setup: ClassifierSetup
) -> dict[str, float]:
    """Of the train rows and the dev rows; none where there are no probabilities."""
    losses: dict[str, float] = {}
    if classifier.several or classifier.temperature is None:
        return losses
    for name, pairs in (("final_train", setup.train), ("dev", setup.dev)):
        if pairs:
            scores = scores_of(classifier, recipe, pairs, known=pairs is setup.train)
            losses[name] = classifier_loss(classifier, scores, pairs)
    return losses
