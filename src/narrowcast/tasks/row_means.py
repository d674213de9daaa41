"""Scores that are means over rows, as tasks with free text answers have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowcast.core.example import Example
from narrowcast.tasks.base import Parsed, RowOutcome, Sums, TaskScores


def mean_scores(
    names: Sequence[str],
    primary: str,
    rows: Sequence[Sequence[float]],
    examples: Sequence[Example],
    answers: Sequence[Parsed],
) -> TaskScores:
    """Means of each measure, and how to take them over other draws of the rows.

    Args:
        names: of the measures.
        primary: the one that decides.
        rows: by example, a value of each measure; a row is right where the first is 1.
        examples: what was asked.
        answers: what was read from the model's answers.
    """
    import numpy as np

    values = np.array(rows, dtype=np.float64).reshape(len(examples), len(names))

    def means(totals: Any) -> dict[str, Any]:
        shares = totals[:, 1:] / np.maximum(totals[:, :1], 1)
        return dict(zip(names, shares.T, strict=True))

    sums = Sums(np.column_stack([np.ones(len(values)), values]), means)
    outcomes = [
        RowOutcome(example.id, bool(values[row, 0] == 1.0), example.target, answer.value, answer.error)
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True))
    ]
    return TaskScores(primary, sums.over(np.arange(len(examples))), outcomes, sums.over, sums=sums)
