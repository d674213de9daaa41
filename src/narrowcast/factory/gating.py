"""Rows through the gates, one gate after the other; a row ends at the first that turns it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field, computed_field

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.factory.candidate import Candidate
from narrowcast.factory.gates import GATES, REQUIRED, order
from narrowcast.factory.gates.base import GateContext, GateRow


class GateVerdict(BaseModel):
    """One line of the verdict table."""

    gate: str
    required: bool
    seen: int = Field(description="Rows that came so far.")
    rejected: int
    examples: list[str] = Field(
        default_factory=list, description="Up to three reasons, as the gate gave them."
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> int:
        """Rows that went on."""
        return self.seen - self.rejected


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that ends here."""

    candidate: Candidate
    gate: str
    detail: str


@dataclass(frozen=True, slots=True)
class Gated:
    """Every row is in one of both lists."""

    passed: list[GateRow]
    rejected: list[Rejected]
    verdicts: list[GateVerdict]


def run_gates(
    candidates: Sequence[Candidate], context: GateContext, progress: Progress, cancel: CancelToken
) -> Gated:
    """Ask every required gate and the optional ones that were chosen.

    Raises:
        UsageError: where an optional gate lacks its setting or is not known.
        CancelledError: on request; nothing is written here.
    """
    rows = [GateRow(each, context.shape, context.handler) for each in candidates]
    names = order(context.options.optional)
    gates = [(name, GATES.get(name)) for name in names]
    rejected: list[Rejected] = []
    verdicts = []
    progress.start("asking the gates", len(gates))
    for name, gate in gates:
        cancel.check(reason_code="factory_cancelled")
        turned_away = gate(rows, context)
        rejected += [
            Rejected(row.candidate, name, turned_away[row.index]) for row in rows if row.index in turned_away
        ]
        verdicts.append(
            GateVerdict(
                gate=name,
                required=name in REQUIRED,
                seen=len(rows),
                rejected=len(turned_away),
                examples=list(dict.fromkeys(turned_away.values()))[:3],
            )
        )
        rows = [row for row in rows if row.index not in turned_away]
        progress.advance(1, gate=name, left=len(rows))
    return Gated(rows, sorted(rejected, key=lambda each: each.candidate.index), verdicts)
