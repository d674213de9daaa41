"""Linear models on the text of the message, fitted on the train split: baselines of closed answers.

What a model sees and how it is fitted (`models.classifiers.recipe`) are independent of the task: a label, a
set of labels, or fields. Spans are tagged word by word, whatever the features: see `models.extractors`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from narrowcast.core.names import AnswerKind
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.models.classifiers.fit import fit_label, fit_label_sets
from narrowcast.models.classifiers.linear import LinearClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.extractors.extractor import Extractor
from narrowcast.models.extractors.fit import fit_fields, fit_spans
from narrowcast.models.extractors.spans import MakeTagger
from narrowcast.models.extractors.tagger import fit_tagger
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.baseline import FittedPredictor, training_pairs
from narrowcast.plugins.optional import require


def fit_linear(
    context: PredictorContext,
    name: str,
    recipe: LinearRecipe,
    *,
    note: str = "",
    tagger: MakeTagger = fit_tagger,
) -> FittedPredictor:
    """Fit the linear model that suits the task.

    Args:
        context: task and train rows.
        name: the reference of the baseline.
        recipe: of the model.
        note: what it sees, in words, where that is not a number of features.
        tagger: finds spans and the values of open fields.

    Raises:
        UsageError: for tasks whose answers are free text; no linear model writes those.
        DataError: if the train split is empty.
    """
    require("sklearn", "numpy", purpose="a linear baseline")
    pairs, work = training_pairs(context), context.work
    work.progress.start(f"{name}: fitting on {len(pairs):,} rows")
    if context.task.labels or context.answer is AnswerKind.LABELS:
        labels = context.task.labels or ()
        classifier = fit_closed(recipe, pairs, work, several=context.answer is AnswerKind.LABELS)
        predictor = FittedPredictor(
            name, lambda texts: classifier.answers(texts, labels, recipe.embed), _note(classifier, note)
        )
        predictor.size_bytes = classifier.size_bytes
        return predictor
    if context.answer is AnswerKind.SPANS:
        return _extracting(name, fit_spans(pairs, tagger), recipe, note or "linear token tagger")
    if context.answer is AnswerKind.FIELDS:
        extractor = fit_fields(recipe, pairs, work, tagger)
        return _extracting(name, extractor, recipe, _how(extractor))
    raise UsageError(
        f"there is no linear baseline for the task {context.task.profile}",
        where=name,
        next_command="narrowcast baseline --models majority,base,base-few-shot",
    )


def _extracting(name: str, extractor: Extractor, recipe: LinearRecipe, note: str) -> FittedPredictor:
    predictor = FittedPredictor(name, lambda texts: extractor.answers(texts, recipe.embed), note)
    predictor.size_bytes = extractor.size_bytes
    return predictor


def _how(extractor: Extractor) -> str:
    """How each field is answered."""
    classified = ", ".join(each.name for each in extractor.fields if each.columns)
    copied = ", ".join(each.name for each in extractor.fields if not each.values)
    return f"classified: {classified or 'none'}; copied: {copied or 'none'}"


def fit_closed(
    recipe: LinearRecipe, pairs: Sequence[TrainingPair], work: Work, *, several: bool
) -> LinearClassifier:
    """Fit a classifier to rendered rows: one label each, or a set of labels in JSON."""
    texts = [pair.text for pair in pairs]
    if several:
        return fit_label_sets(recipe, texts, [json.loads(pair.target)["labels"] for pair in pairs], work)
    return fit_label(recipe, texts, [pair.target for pair in pairs], [pair.group for pair in pairs])


def _note(classifier: LinearClassifier, note: str) -> str:
    if classifier.several:
        return f"{len(classifier.classes)} labels, one model each"
    if len(classifier.classes) == 1:
        return "one label in train"
    seen = note or f"{sum(len(bag.ngrams) for bag in classifier.bags):,} features"
    few = "no probabilities: too few rows of a label"
    return seen if classifier.temperature is not None else f"{seen}; {few}"
