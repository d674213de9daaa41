"""Gate: no input occurs twice, among the rows or in the project, but for case and white space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow, input_text
from narrowcast.similarity.shingles import normalised


def exact_duplicates(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """The first of equal rows stays."""
    seen = {normalised(input_text(row.inputs)): row.id for row in context.accepted}
    rejections = {}
    for row in rows:
        key = normalised(row.text)
        if key in seen:
            rejections[row.index] = f"same input as {seen[key]}"
        else:
            seen[key] = f"row {row.index}"
    return rejections
