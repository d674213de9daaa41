"""Gate: the row parses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow


def json_validity(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:  # noqa: ARG001
    """Reject rows that could not be read as JSON."""
    return {row.index: row.generated.error for row in rows if row.generated.error is not None}
