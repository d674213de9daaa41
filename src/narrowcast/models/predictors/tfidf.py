"""The strong baseline: linear models on the words of the message, fitted on the train split in seconds.

Classification: TF-IDF of word 1-2-grams (sublinear), multinomial logistic regression; exact probabilities.
`tfidf-chars` adds character 2-5-grams within words: stronger on noisy spelling, and slower to fit. Fields
and spans, where both are the same: see `linear_fields` and `linear_tagger`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from narrowcast.core.names import AnswerKind
from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory, TrainingPair
from narrowcast.models.predictors.baseline import Answer, FittedPredictor, fitted, training_pairs
from narrowcast.plugins.optional import require

# A common choice for short texts; the optimum is flat.
_INVERSE_REGULARISATION = 20.0
_MAX_ITERATIONS = 1000
_WORD = r"(?u)\b\w+\b"  # the library's own pattern drops single characters, and with them most numbers
# A label without train rows: as unlikely as a float can say without being minus infinity.
_UNSEEN = math.log(1e-12)


def from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """Fit the linear model that suits the task, on words.

    Raises:
        UsageError: for tasks whose answers are free text; no linear model writes those.
    """
    return _fit(context, "tfidf", characters=False)


def from_train_with_characters(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """The same on words and their parts."""
    return _fit(context, "tfidf-chars", characters=True)


WORDS = PredictorFactory(load=from_train)
CHARACTERS = PredictorFactory(load=from_train_with_characters)


def _fit(context: PredictorContext, name: str, *, characters: bool) -> FittedPredictor:
    require("sklearn", "numpy", purpose="the TF-IDF baseline")
    pairs, work = training_pairs(context), context.work
    if context.task.labels:
        work.progress.start(
            f"{name}: fitting on {len(pairs):,} rows with {len(context.task.labels):,} labels"
        )
        return _classifier(name, pairs, context.task.labels, characters=characters)
    if context.answer is AnswerKind.LABELS:
        from narrowcast.models.predictors.linear_label_sets import label_set_answers

        return FittedPredictor(name, *label_set_answers(pairs, work, characters=characters))
    if context.answer is AnswerKind.SPANS:
        from narrowcast.models.predictors.linear_tagger import span_answers

        work.progress.start(f"{name}: fitting on {len(pairs):,} rows")
        return FittedPredictor(name, span_answers(pairs), "linear token tagger")
    if context.answer is AnswerKind.FIELDS:
        from narrowcast.models.predictors.linear_fields import field_answers

        return FittedPredictor(name, *field_answers(pairs, work))
    raise UsageError(
        f"there is no TF-IDF baseline for the task {context.task.profile}",
        next_command="narrowcast baseline --models majority,base,base-few-shot",
    )


def text_classifier(*, characters: bool = False) -> Any:
    """An unfitted pipeline from texts to classes."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, Pipeline

    parts = [("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD))]
    if characters:
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        parts.append(("characters", letters))
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=_MAX_ITERATIONS)
    return Pipeline([("features", FeatureUnion(parts)), ("model", model)])


def _classifier(
    name: str, pairs: Sequence[TrainingPair], labels: Sequence[str], *, characters: bool
) -> FittedPredictor:
    seen = sorted({pair.target for pair in pairs})
    if len(seen) == 1:  # logistic regression needs two classes; the only one seen is the answer
        only: Answer = (seen[0], {label: 0.0 if label == seen[0] else _UNSEEN for label in labels})
        return FittedPredictor(name, lambda texts: [only] * len(texts), "one label in train")
    texts, targets = [pair.text for pair in pairs], [pair.target for pair in pairs]
    pipeline = fitted(text_classifier(characters=characters), texts, targets)
    classes = [str(each) for each in pipeline.classes_]

    def answer(texts: Sequence[str]) -> list[Answer]:
        if not texts:
            return []
        table = pipeline.predict_log_proba(list(texts))
        return [_choose(classes, row, labels) for row in table]

    return FittedPredictor(name, answer, f"{len(pipeline[0].get_feature_names_out()):,} features")


def _choose(classes: Sequence[str], row: Any, labels: Sequence[str]) -> Answer:
    scores = dict(zip(classes, map(float, row), strict=True))
    return max(scores, key=scores.__getitem__), {label: scores.get(label, _UNSEEN) for label in labels}
