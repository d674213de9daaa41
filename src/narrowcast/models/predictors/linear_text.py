"""Linear models on the text of the message, fitted on the train split: baselines of closed answers.

What a model sees (`text_features`) and how it is fitted (logistic regression, or a calibrated support-vector
machine) are independent of the task: a label, a set of labels, or fields. Spans are tagged word by word,
whatever the features: see `linear_tagger`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.core.names import AnswerKind
from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.baseline import Answer, FittedPredictor, fitted, training_pairs
from narrowcast.models.predictors.linear_tagger import LinearTagger, MakeTagger, span_answers
from narrowcast.plugins.optional import require

_MAX_ITERATIONS = 1000
# A label without train rows: as unlikely as a float can say without being minus infinity.
_UNSEEN = math.log(1e-12)


@dataclass(frozen=True, slots=True)
class LinearRecipe:
    """What a linear baseline is made of.

    Attributes:
        name: its reference.
        features: makes an unfitted transformer from texts to a matrix.
        model: makes an unfitted classifier; with probabilities where the argument is true.
        note: what it sees, in words, where that is not a number of features.
        tagger: finds spans and the values of open fields.
    """

    name: str
    features: Callable[[], Any]
    model: Callable[[bool], Any]
    note: str = ""
    tagger: MakeTagger = LinearTagger


def logistic_regression(inverse_regularisation: float) -> Callable[[bool], Any]:
    """Makes multinomial logistic regressions, whose probabilities are exact."""

    def make(_probabilities: bool) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=inverse_regularisation, max_iter=_MAX_ITERATIONS)

    return make


def support_vectors(seed: int) -> Callable[[bool], Any]:
    """Makes linear support-vector machines."""

    def make(probabilities: bool) -> Any:
        from narrowcast.models.predictors.calibrated_svm import CalibratedSVM

        return CalibratedSVM(seed, calibrate=probabilities)

    return make


def fit_linear(context: PredictorContext, recipe: LinearRecipe) -> FittedPredictor:
    """Fit the linear model that suits the task.

    Raises:
        UsageError: for tasks whose answers are free text; no linear model writes those.
        DataError: if the train split is empty.
    """
    require("sklearn", "numpy", purpose="a linear baseline")
    pairs, work = training_pairs(context), context.work
    work.progress.start(f"{recipe.name}: fitting on {len(pairs):,} rows")
    if context.task.labels:
        return _classifier(recipe, pairs, context.task.labels)
    if context.answer is AnswerKind.LABELS:
        from narrowcast.models.predictors.linear_label_sets import label_set_answers

        return FittedPredictor(recipe.name, *label_set_answers(pairs, recipe, work))
    if context.answer is AnswerKind.SPANS:
        note = recipe.note or "linear token tagger"
        return FittedPredictor(recipe.name, span_answers(pairs, recipe.tagger), note)
    if context.answer is AnswerKind.FIELDS:
        from narrowcast.models.predictors.linear_fields import field_answers

        return FittedPredictor(recipe.name, *field_answers(pairs, recipe, work))
    raise UsageError(
        f"there is no linear baseline for the task {context.task.profile}",
        where=recipe.name,
        next_command="narrowcast baseline --models majority,base,base-few-shot",
    )


def _classifier(
    recipe: LinearRecipe, pairs: Sequence[TrainingPair], labels: Sequence[str]
) -> FittedPredictor:
    seen = sorted({pair.target for pair in pairs})
    if len(seen) == 1:  # a classifier needs two classes; the only one seen is the answer
        only: Answer = (seen[0], {label: 0.0 if label == seen[0] else _UNSEEN for label in labels})
        return FittedPredictor(recipe.name, lambda texts: [only] * len(texts), "one label in train")
    features = recipe.features()
    inputs = features.fit_transform([pair.text for pair in pairs])
    model = fitted(recipe.model(True), inputs, [pair.target for pair in pairs])
    classes = [str(each) for each in model.classes_]
    calibrated = getattr(model, "temperature", 1.0) is not None

    def answer(texts: Sequence[str]) -> list[Answer]:
        if not texts:
            return []
        matrix = features.transform(list(texts))
        if not calibrated:
            return [(str(each), None) for each in model.predict(matrix)]
        return [_choose(classes, row, labels) for row in model.predict_log_proba(matrix)]

    note = recipe.note or f"{inputs.shape[1]:,} features"
    return FittedPredictor(
        recipe.name, answer, note if calibrated else f"{note}; no probabilities: too few rows of a label"
    )


def _choose(classes: Sequence[str], row: Any, labels: Sequence[str]) -> Answer:
    scores = dict(zip(classes, map(float, row), strict=True))
    return max(scores, key=scores.__getitem__), {label: scores.get(label, _UNSEEN) for label in labels}
