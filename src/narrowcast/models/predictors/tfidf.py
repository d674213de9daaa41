"""The linear baselines on words and characters, fitted on the train split in seconds.

`tfidf` is logistic regression on TF-IDF of words, `tfidf-chars` the same on words and characters, which is
stronger on noisy spelling; `svm` is a support-vector machine on words and characters, mostly the strongest
model without pretrained weights (Wang and Manning 2012, "Baselines and Bigrams").
"""

from __future__ import annotations

from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.linear_text import (
    LinearRecipe,
    fit_linear,
    logistic_regression,
    support_vectors,
)
from narrowcast.models.predictors.text_features import text_features

# A common choice for short texts; the optimum is flat.
_INVERSE_REGULARISATION = 20.0


def from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """Logistic regression on words; raises what `fit_linear` raises."""
    model = logistic_regression(_INVERSE_REGULARISATION)
    return fit_linear(context, LinearRecipe("tfidf", lambda: text_features("words"), model))


def from_train_with_characters(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """Logistic regression on words and characters."""
    model = logistic_regression(_INVERSE_REGULARISATION)
    return fit_linear(
        context, LinearRecipe("tfidf-chars", lambda: text_features("words", "characters"), model)
    )


def support_vectors_from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """A support-vector machine on words and characters."""
    model = support_vectors(context.seed)
    return fit_linear(context, LinearRecipe("svm", lambda: text_features("words", "characters"), model))


WORDS = PredictorFactory(load=from_train)
CHARACTERS = PredictorFactory(load=from_train_with_characters)
SUPPORT_VECTORS = PredictorFactory(load=support_vectors_from_train)
