"""Scores of sets of labels.

micro_f1      2 TP / (2 TP + FP + FN) over all rows and labels; 1 where all three are 0
macro_f1      unweighted mean of the per-label F1, over the labels that gold rows hold
exact_match   share of rows whose set is the gold one
invalid_rate  share of answers that are no list of known labels; such an answer names no label
f1/LABEL      per-label F1; undefined (NaN) in a resample whose gold rows lack the label
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.example import Example
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.bool_]


def score_label_sets(
    labels: Sequence[str], examples: Sequence[Example], answers: Sequence[Parsed]
) -> TaskScores:
    """Metrics, outcomes and a resampler over a table of rows and labels."""
    import numpy as np

    gold = _table(labels, [_named(example.target) for example in examples])
    guess = _table(labels, [[] if answer.error else _named(answer.value) for answer in answers])
    invalid = np.array([answer.error is not None for answer in answers], dtype=bool)

    def resample(rows: Any) -> dict[str, float]:
        return _metrics(labels, gold[rows], guess[rows], invalid[rows])

    outcomes = [
        RowOutcome(
            example.id,
            bool((gold[row] == guess[row]).all()) and not invalid[row],
            example.target,
            answer.value,
            answer.error,
        )
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True))
    ]
    return TaskScores(
        primary="micro_f1",
        metrics=resample(np.arange(len(gold))),
        rows=outcomes,
        resample=resample,
        deciding=_deciding(labels, gold, guess),
    )


def _deciding(labels: Sequence[str], gold: Table, guess: Table) -> dict[str, Deciding]:
    """A label's F1 is decided by the rows that have it; rows without any label say nothing of micro F1."""
    import numpy as np

    single = {
        f"f1/{label}": Deciding(np.where(gold[:, place], 0, -1), (label,))
        for place, label in enumerate(labels)
    }
    some = Deciding(np.where((gold | guess).any(axis=1), 0, -1))
    return {"micro_f1": some, "macro_f1": Deciding(gold, tuple(labels)), **single}


def _table(labels: Sequence[str], named: Sequence[Sequence[Any]]) -> Table:
    import numpy as np

    places = {label: place for place, label in enumerate(labels)}
    table = np.zeros((len(named), len(labels)), dtype=bool)
    for row, each in enumerate(named):
        for label in each:
            if label in places:
                table[row, places[label]] = True
    return table


def _named(value: Any) -> list[Any]:
    labels = value.get("labels") if isinstance(value, dict) else None
    return labels if isinstance(labels, list) else []


def _metrics(labels: Sequence[str], gold: Table, guess: Table, invalid: Any) -> dict[str, float]:
    import numpy as np

    hits = (gold & guess).sum(axis=0)
    named = gold.sum(axis=0) + guess.sum(axis=0)
    present = gold.any(axis=0) if len(gold) else np.zeros(len(labels), dtype=bool)
    f1 = np.divide(2.0 * hits, named, out=np.full(len(labels), np.nan), where=present)
    exact = (gold == guess).all(axis=1) & ~invalid
    return {
        "micro_f1": float(2 * hits.sum() / named.sum()) if named.sum() else 1.0,
        "macro_f1": float(f1[present].mean()) if present.any() else 0.0,
        "exact_match": float(exact.mean()) if len(exact) else 0.0,
        "invalid_rate": float(invalid.mean()) if len(invalid) else 0.0,
        **{f"f1/{label}": float(f1[place]) for place, label in enumerate(labels)},
    }
