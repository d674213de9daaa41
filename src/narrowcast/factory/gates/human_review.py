"""Optional gate: risky rows, and a share of all others, wait for a person (`data review --from gates`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.core.hashing import content_hash
from narrowcast.factory.gates.base import GateContext, GateRow

_RISKY = frozenset({"adversarial", "negative"})


def human_review(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Hold back adversarial and negative rows and `review_share` of the rest, drawn by content."""
    limit = int(context.options.review_share * 0xFFFFFFFF)
    rejections = {}
    for row in rows:
        edge = row.generated.origin.edge_case
        if edge in _RISKY:
            rejections[row.index] = f"{edge} rows wait for a reviewer"
        elif int(content_hash(row.generated.data)[:8], 16) < limit:
            rejections[row.index] = "selected for a reviewer"
    return rejections
