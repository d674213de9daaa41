"""Gate: no cell of the plan gets more rows than its quota, so that none crowds out the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow


def diversity(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Rows of a full cell are rejected, the later ones first; what cells lack is reported elsewhere."""
    taken: Counter[str] = Counter()
    rejections = {}
    for row in rows:
        cell = row.generated.origin.cell
        quota = context.quotas.get(cell)
        if quota is None:
            continue
        if taken[cell] >= quota:
            rejections[row.index] = f"{cell} has its {quota} rows"
        else:
            taken[cell] += 1
    return rejections
