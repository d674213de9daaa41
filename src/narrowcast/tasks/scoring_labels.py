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
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, Sums, TaskScores
from narrowcast.tasks.scoring_label_sets import label_f1

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

    sums = Sums(_table(len(labels), gold, guess, calibration), lambda totals: _metrics(labels, totals))
    outcomes = [
        RowOutcome(example.id, answer.value == example.target, example.target, answer.value, answer.error)
        for example, answer in zip(examples, answers, strict=True)
    ]
    return TaskScores(
        primary="macro_f1",
        metrics=sums.over(np.arange(len(gold))),
        rows=outcomes,
        resample=sums.over,
        details=_details(labels, gold, guess),
        deciding=_deciding(labels, gold),
        open_ended=frozenset({"ece", "brier"}),
        limits={"ece": (0.0, 1.0), "brier": (0.0, 2.0)},
        sums=sums,
    )


def _deciding(labels: Sequence[str], gold: Ints) -> dict[str, Deciding]:
    """A label's F1 is decided by the rows of that label, the mean over labels by the rarest of them."""
    import numpy as np

    single = {
        f"f1/{label}": Deciding(np.where(gold == code, 0, -1), (label,)) for code, label in enumerate(labels)
    }
    return {"macro_f1": Deciding(gold, tuple(labels)), **single}


def _table(size: int, gold: Ints, guess: Ints, calibration: Floats | None) -> Any:
    """What a row adds: hits, gold and answers by label, one, whether it is invalid, and its calibration."""
    import numpy as np
    from scipy.sparse import csr_array, hstack

    rows = np.arange(len(gold))
    right, valid = np.flatnonzero(gold == guess), np.flatnonzero(guess < size)
    invalid = np.flatnonzero(guess == size)
    cells = [
        (right, gold[right]),
        (rows, size + gold),
        (valid, 2 * size + guess[valid]),
        (rows, np.full(len(rows), 3 * size)),
        (invalid, np.full(len(invalid), 3 * size + 1)),
    ]
    places = tuple(np.concatenate(each) for each in zip(*cells, strict=True))
    table = csr_array((np.ones(len(places[0])), places), shape=(len(rows), 3 * size + 2))
    if calibration is None:
        return table
    confidence, hit, distance = calibration.T
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gap = csr_array((hit - confidence, (rows, bins)), shape=(len(rows), _BINS))
    return hstack([table, gap, csr_array(distance[:, None])], format="csr")


def _metrics(labels: Sequence[str], totals: Any) -> dict[str, Any]:
    import numpy as np

    size = len(labels)
    hits, gold, answered = (totals[:, start * size : (start + 1) * size] for start in range(3))
    rows, invalid = totals[:, 3 * size], totals[:, 3 * size + 1]
    f1, macro = label_f1(hits, gold, answered)
    total = np.maximum(rows, 1)
    metrics = {"macro_f1": macro, "accuracy": hits.sum(axis=1) / total, "invalid_rate": invalid / total}
    metrics.update({f"f1/{label}": f1[:, code] for code, label in enumerate(labels)})
    calibration = totals[:, 3 * size + 2 :]
    if calibration.shape[1]:
        metrics["ece"] = np.abs(calibration[:, :_BINS]).sum(axis=1) / total
        metrics["brier"] = calibration[:, _BINS] / total
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
