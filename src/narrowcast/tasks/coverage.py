"""What the rows of the splits cannot show, whatever is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from narrowcast.core.names import Split

FEW_ROWS = 30
"""Figures of fewer rows are too uncertain to decide anything."""
_NAMED = 5


def size_warnings(rows: Mapping[Split, int]) -> list[str]:
    """Held-out splits that are too small to measure on; `rows` of each split."""
    return [
        f"the {split} split has {count} row{'s' if count > 1 else ''}; with fewer than {FEW_ROWS} "
        "its figures decide nothing"
        for split, count in rows.items()
        if split is not Split.TRAIN and 0 < count < FEW_ROWS
    ]


def label_warnings(splits: Mapping[Split, Counter[str]]) -> list[str]:
    """One label in all rows, labels with one row, labels that test lacks; rows of each label by split."""
    rows = sum(splits.values(), Counter[str]())
    if len(rows) == 1:
        return [f"all rows have one label, {next(iter(rows))}: there is nothing to learn"]
    warnings = []
    once = sorted(label for label, count in rows.items() if count == 1)
    if once:
        have = "has one row" if len(once) == 1 else "have one row each"
        warnings.append(f"{len(once)} of {len(rows)} labels {have}: {some(once)}")
    tested = splits.get(Split.TEST, Counter()).keys()
    untested = sorted(rows.keys() - tested) if tested else []
    if untested:
        have = "has" if len(untested) == 1 else "have"
        warnings.append(f"{len(untested)} of {len(rows)} labels {have} no row in test: {some(untested)}")
    return warnings


def some(labels: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(labels[:_NAMED]) + (", ..." if len(labels) > _NAMED else "")
