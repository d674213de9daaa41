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
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, Sums, TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.bool_]


def score_label_sets(
    labels: Sequence[str], examples: Sequence[Example], answers: Sequence[Parsed]
) -> TaskScores:
    """Metrics, outcomes and a resampler over a table of rows and labels."""
    import numpy as np
    from scipy.sparse import csr_array

    gold = _table(labels, [_named(example.target) for example in examples])
    guess = _table(labels, [[] if answer.error else _named(answer.value) for answer in answers])
    invalid = np.array([answer.error is not None for answer in answers], dtype=bool)

    exact = (gold == guess).all(axis=1) & ~invalid
    table = csr_array(np.column_stack([gold & guess, gold, guess, exact, invalid, np.ones(len(gold))]))
    sums = Sums(table, lambda totals: _metrics(labels, totals))
    outcomes = [
        RowOutcome(
            example.id,
            bool(exact[row]),
            example.target,
            answer.value,
            answer.error,
        )
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True))
    ]
    return TaskScores(
        primary="micro_f1",
        metrics=sums.over(np.arange(len(gold))),
        rows=outcomes,
        resample=sums.over,
        deciding=_deciding(labels, gold, guess),
        sums=sums,
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


def _metrics(labels: Sequence[str], totals: Any) -> dict[str, Any]:
    import numpy as np

    size = len(labels)
    hits, gold, guess = (totals[:, start * size : (start + 1) * size] for start in range(3))
    exact, invalid, rows = totals[:, 3 * size :].T
    f1, macro = label_f1(hits, gold, guess)
    named = (gold + guess).sum(axis=1)
    return {
        "micro_f1": np.divide(2 * hits.sum(axis=1), named, out=np.ones(len(totals)), where=named > 0),
        "macro_f1": macro,
        "exact_match": exact / np.maximum(rows, 1),
        "invalid_rate": invalid / np.maximum(rows, 1),
        **{f"f1/{label}": f1[:, place] for place, label in enumerate(labels)},
    }


def label_f1(hits: Any, gold: Any, answered: Any) -> tuple[Any, Any]:
    """F1 of each label, NaN where no gold row has it, and the mean over the others; 0 where there is none.

    Args:
        hits: of shape (draws, labels): rows that have the label and were answered so.
        gold: rows that have it.
        answered: rows that were answered so.
    """
    import numpy as np

    present = gold > 0
    f1 = np.divide(2.0 * hits, gold + answered, out=np.full(hits.shape, np.nan), where=present)
    return f1, np.where(present, f1, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
