"""The linear baselines on words and characters, fitted on the train split in seconds.

`tfidf` is logistic regression on TF-IDF of words, `tfidf-chars` the same on words and characters, which is
stronger on noisy spelling; `svm` is a support-vector machine on words and characters, mostly the strongest
model without pretrained weights (Wang and Manning 2012, "Baselines and Bigrams").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from narrowcast.core.names import AnswerKind
from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory, fitted_on_train
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.linear_text import (
    LinearRecipe,
    fit_linear,
    logistic_regression,
    support_vectors,
)
from narrowcast.models.predictors.text_features import text_features
from narrowcast.plugins.optional import require

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


def random_field_from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """Spans and open fields by a conditional random field, closed fields by a support-vector machine.

    Raises:
        UsageError: for tasks whose answers are not copied from the message.
    """
    if context.answer not in (AnswerKind.SPANS, AnswerKind.FIELDS):
        raise UsageError(
            f"there is nothing to tag in the task {context.task.profile}",
            where="crf",
            next_command="narrowcast baseline --models svm",
        )
    from narrowcast.models.predictors.crf_tagger import CrfTagger

    note = "conditional random field" if context.answer is AnswerKind.SPANS else ""
    features = partial(text_features, "words", "characters")
    return fit_linear(context, LinearRecipe("crf", features, support_vectors(context.seed), note, CrfTagger))


def _with_crfsuite(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """The train rows; without the library the baseline is named as not measured."""
    require("pycrfsuite", purpose="the baseline crf")
    return fitted_on_train(context, argument)


WORDS = PredictorFactory(load=from_train)
CHARACTERS = PredictorFactory(load=from_train_with_characters)
SUPPORT_VECTORS = PredictorFactory(load=support_vectors_from_train)
RANDOM_FIELD = PredictorFactory(load=random_field_from_train, content=_with_crfsuite)
