"""Balancing train rows: which rows of a label are left out, decided by a seed and their content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, Field

from narrowcast.core.example import Example
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.names import Provenance
from narrowcast.factory.options import BalanceOptions


class LabelBalance(BaseModel):
    """One label before and after."""

    label: str
    rows: int
    kept: int
    left_out: int
    missing: int = Field(default=0, description="What it lacks to the target.")


def choose_left_out(rows: Sequence[Example], options: BalanceOptions) -> tuple[list[LabelBalance], list[str]]:
    """The table, and the ids of the rows to leave out.

    Rows that people wrote stay before generated ones; among equals a hash of seed and content decides, so
    that the same rows are chosen whatever their order.
    """
    limit = options.cap or options.target or 0
    by_label: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_label[str(row.target)].append(row)
    table, left_out = [], []
    for label in sorted(by_label):
        ranked = sorted(
            by_label[label],
            key=lambda row: (
                row.provenance is Provenance.SYNTHETIC,
                sha256_hex(f"{options.seed}:{row.hash}".encode()),
                row.id,
            ),
        )
        left_out += [row.id for row in ranked[limit:]]
        kept = min(limit, len(ranked))
        table.append(
            LabelBalance(
                label=label,
                rows=len(ranked),
                kept=kept,
                left_out=len(ranked) - kept,
                missing=max(0, options.target - len(ranked)) if options.target else 0,
            )
        )
    return table, sorted(left_out)
