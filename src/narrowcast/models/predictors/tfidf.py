"""The linear baselines on words and characters, fitted on the train split in seconds.

`tfidf` is logistic regression on TF-IDF of words, `tfidf-chars` the same on words and characters, which is
stronger on noisy spelling; `svm` is a support-vector machine on words and characters, mostly the strongest
model without pretrained weights (Wang and Manning 2012, "Baselines and Bigrams").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from narrowcast.core.names import AnswerKind
from narrowcast.errors import UsageError
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory, fitted_on_train
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.linear_text import fit_linear
from narrowcast.plugins.optional import require


def _named(name: str) -> Callable[[PredictorContext, str], FittedPredictor]:
    """Fits the baseline of a name; raises what `fit_linear` raises."""

    def from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
        return fit_linear(context, name, LinearRecipe.named(name, context.seed))

    return from_train


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
    recipe = LinearRecipe.named("svm", context.seed)
    return fit_linear(context, "crf", recipe, note=note, tagger=CrfTagger)


def _with_crfsuite(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """The train rows; without the library the baseline is named as not measured."""
    require("pycrfsuite", purpose="the baseline crf")
    return fitted_on_train(context, argument)


def calibrated_on_train(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """What the answers of a support-vector machine and its probabilities depend on."""
    from narrowcast.models.classifiers.calibrated_svm import CALIBRATION

    return {**fitted_on_train(context, argument), "calibration": CALIBRATION}


WORDS = PredictorFactory(load=_named("tfidf"))
CHARACTERS = PredictorFactory(load=_named("tfidf-chars"))
SUPPORT_VECTORS = PredictorFactory(load=_named("svm"), content=calibrated_on_train)
RANDOM_FIELD = PredictorFactory(load=random_field_from_train, content=_with_crfsuite)
