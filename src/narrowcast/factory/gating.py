"""Rows through the gates, one gate after the other; a row ends at the first gate that rejects it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, computed_field

from narrowcast.core.generation import GeneratedRow
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.row import FORGOTTEN
from narrowcast.factory.gates import REQUIRED, order
from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.factory.gates.settings import gate_for


class GateVerdict(BaseModel):
    """One line of the verdict table."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    gate: str
    required: bool
    seen: int
    """Rows that reached the gate."""
    rejected: int
    examples: list[str] = Field(default_factory=list)
    """Up to three reasons, as the gate gave them."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> int:
        """Rows that passed."""
        return self.seen - self.rejected


@dataclass(frozen=True, slots=True)
class GateRejection:
    """A row, the gate that rejected it, and why."""

    generated: GeneratedRow
    gate: str
    detail: str

    @property
    def reason(self) -> str:
        """As ledgers count it."""
        return "forgotten" if self.generated.error == FORGOTTEN else f"gate_{self.gate}"


@dataclass(frozen=True, slots=True)
class GatedRows:
    """The rows after the gates: each is in exactly one of the two lists."""

    passed: list[GateRow]
    rejected: list[GateRejection]
    verdicts: list[GateVerdict]


def run_gates(
    generated: Sequence[GeneratedRow], context: GateContext, progress: Progress, cancel: CancelToken
) -> GatedRows:
    """Ask every required gate and the optional ones that were chosen.

    Raises:
        UsageError: if an optional gate is unknown or lacks its setting.
        CancelledError: on request; nothing is written here.
    """
    rows = [GateRow(row, context.shape, context.handler) for row in generated]
    names = order(context.options.optional)
    gates = [(name, gate_for(name, context.options)) for name in names]
    rejected: list[GateRejection] = []
    verdicts = []
    progress.start("asking the gates", len(gates))
    for name, gate in gates:
        cancel.check(reason_code="factory_cancelled")
        reasons = gate(rows, context)
        rejected += [
            GateRejection(row.generated, name, reasons[row.index]) for row in rows if row.index in reasons
        ]
        verdicts.append(
            GateVerdict(
                gate=name,
                required=name in REQUIRED,
                seen=len(rows),
                rejected=len(reasons),
                examples=list(dict.fromkeys(reasons.values()))[:3],
            )
        )
        rows = [row for row in rows if row.index not in reasons]
        progress.advance(1, gate=name, left=len(rows))
    return GatedRows(rows, sorted(rejected, key=lambda each: each.generated.index), verdicts)
