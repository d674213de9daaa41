"""What people decided about accepted rows, laid over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from narrowcast.core.example import Example
from narrowcast.stages.prepare.rows import Rejection
from narrowcast.store.reviews import ReviewVerdict

_REASONS = {"reject": "rejected", "disputed": "disputed"}


def apply_reviews(
    rows: Sequence[Example], verdicts: Mapping[str, ReviewVerdict]
) -> tuple[list[Example], list[Rejection]]:
    """Edited rows as they were edited; those that were rejected, or are disputed, apart."""
    kept: list[Example] = []
    left_out: list[Rejection] = []
    for row in rows:
        verdict = verdicts.get(row.id)
        if verdict is None or verdict.decision == "accept":
            kept.append(row)
        elif verdict.decision == "edit":
            kept.append(replace(row, inputs=verdict.inputs or row.inputs, target=verdict.target))
        else:
            left_out.append(Rejection(row, f"review_{_REASONS[verdict.decision]}"))
    return kept, left_out
