"""Scores of a classification.

    accuracy      share of rows whose answer is the gold label
    macro_f1      unweighted mean of the per-class F1, over the labels that occur in the gold rows
                  (scikit-learn: `f1_score(gold, answers, labels=present, average="macro", zero_division=0)`)
    invalid_rate  share of answers that are no label; each is wrong: it misses its gold class and is
                  charged to no other
    ece           expected calibration error, 15 equal bins of the answer's probability
    brier         mean squared distance of the probabilities from the gold label's one-hot vector (0 to 2)
    f1/LABEL      per-class F1; undefined (NaN) in a resample that lacks the label

`ece` and `brier` only where every prediction carries probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_BINS = 15


def score_labels(
    labels: Sequence[str],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    answers: Sequence[Parsed],
) -> TaskScores:
    """Metrics, outcomes and a resampler over per-row label codes; no label is the code `len(labels)`."""
    import numpy as np

    codes = {label: code for code, label in enumerate(labels)}
    gold = np.array([codes[str(example.target)] for example in examples], dtype=np.int64)
    guess = np.array([codes.get(answer.value, len(labels)) for answer in answers], dtype=np.int64)
    calibration = _calibration(labels, gold, predictions)

    def resample(rows: Any) -> dict[str, float]:
        metrics = _metrics(labels, gold[rows], guess[rows])
        if calibration is not None:
            metrics.update(_calibration_metrics(calibration[rows]))
        return metrics

    outcomes = [
        RowOutcome(example.id, answer.value == example.target, example.target, answer.value, answer.error)
        for example, answer in zip(examples, answers, strict=True)
    ]
    return TaskScores(
        primary="macro_f1",
        metrics=resample(np.arange(len(gold))),
        rows=outcomes,
        resample=resample,
        details=_details(labels, gold, guess),
        deciding=_deciding(labels, gold),
        open_ended=frozenset({"ece", "brier"}),
    )


def _deciding(labels: Sequence[str], gold: Ints) -> dict[str, Deciding]:
    """A label's F1 is decided by the rows of that label, the mean over labels by the rarest of them."""
    import numpy as np

    single = {
        f"f1/{label}": Deciding(np.where(gold == code, 0, -1), (label,)) for code, label in enumerate(labels)
    }
    return {"macro_f1": Deciding(gold, tuple(labels)), **single}


def _metrics(labels: Sequence[str], gold: Ints, guess: Ints) -> dict[str, float]:
    import numpy as np

    size, total = len(labels), max(len(gold), 1)
    right = gold == guess
    support = np.bincount(gold, minlength=size)[:size]
    answered = np.bincount(guess, minlength=size + 1)[:size]
    hits = np.bincount(gold[right], minlength=size)[:size]
    present = support > 0
    f1 = np.divide(2.0 * hits, support + answered, out=np.full(size, np.nan), where=present)
    metrics = {
        "macro_f1": float(f1[present].mean()) if present.any() else 0.0,
        "accuracy": float(right.sum() / total),
        "invalid_rate": float((guess == size).sum() / total),
    }
    metrics.update({f"f1/{label}": float(f1[code]) for code, label in enumerate(labels)})
    return metrics


def _calibration(labels: Sequence[str], gold: Ints, predictions: Sequence[Prediction]) -> Floats | None:
    """Per row: probability of the answer, whether it was right, squared distance to the gold vector."""
    import numpy as np

    if not predictions or any(prediction.logprobs is None for prediction in predictions):
        return None
    probability = np.zeros((len(predictions), len(labels)))
    for row, prediction in enumerate(predictions):
        for code, label in enumerate(labels):
            value = (prediction.logprobs or {}).get(label, -math.inf)
            probability[row, code] = math.exp(value)
    top = probability.argmax(axis=1)
    one_hot = np.eye(len(labels))[gold]
    distance = ((probability - one_hot) ** 2).sum(axis=1)
    return np.column_stack([probability.max(axis=1), (top == gold).astype(float), distance])


def _calibration_metrics(rows: Floats) -> dict[str, float]:
    import numpy as np

    confidence, right, distance = rows.T
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gap = np.bincount(bins, right, _BINS) - np.bincount(bins, confidence, _BINS)
    return {"ece": float(np.abs(gap).sum() / max(len(rows), 1)), "brier": float(distance.mean())}


def _details(labels: Sequence[str], gold: Ints, guess: Ints) -> dict[str, Any]:
    """Confusion matrix (rows: gold; last column: answers that are no label) and per-class scores."""
    import numpy as np
    from sklearn.metrics import precision_recall_fscore_support

    size = len(labels)
    matrix = np.bincount(gold * (size + 1) + guess, minlength=size * (size + 1)).reshape(size, size + 1)
    precision, recall, f1, support = precision_recall_fscore_support(
        gold, guess, labels=range(size), zero_division=0
    )
    per_class = {
        label: {
            "precision": float(precision[code]),
            "recall": float(recall[code]),
            "f1": float(f1[code]),
            "support": int(support[code]),
        }
        for code, label in enumerate(labels)
    }
    return {"labels": list(labels), "confusion": matrix.tolist(), "per_class": per_class}
