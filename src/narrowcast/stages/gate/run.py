"""Apply the gates, keep every rejected row with gate and reason, import what passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.ledger import StageLedger
from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError
from narrowcast.factory.chosen_rows import load_rows
from narrowcast.factory.gate_context import gate_context
from narrowcast.factory.gating import GatedRows, run_gates
from narrowcast.factory.options import GateOptions
from narrowcast.stages.gate.import_rows import import_rows
from narrowcast.stages.gate.inputs import GateInputs
from narrowcast.stages.gate.result import CellResult, GateResult
from narrowcast.store.generations import read_judgements, write_verdicts
from narrowcast.store.imports import generated_imports


@dataclass(frozen=True, slots=True)
class _Gating:
    """A generation after the gates."""

    record: GenerationRecord
    rows: Sequence[GeneratedRow]
    gated: GatedRows
    split: Split | None
    notes: list[str]


def run(inputs: GateInputs, options: GateOptions, ctx: StageContext) -> GateResult:
    """Import the rows that pass, in the place of the former import of the same generation.

    Raises:
        UsageError: if an optional gate is unknown or lacks its setting.
        DataError: if another import has these rows, or none passes.
        CancelledError: on request; nothing is imported, and the former import stays.
    """
    gating = _apply(inputs, options, ctx, store=True)
    result = _result(gating)
    _refuse_empty(result)
    formers = [each.id for each in generated_imports(ctx.project, inputs.generation)]
    record = import_rows(ctx, gating.record, gating.rows, gating.gated, gating.split, formers)
    result.record = record
    result.replaced = [each for each in formers if each != record.id]
    report = write_verdicts(ctx.project, inputs.generation, result)
    result.artifacts = [f"data/accepted/{record.id}.jsonl", report]
    ledger = result.ledger
    result.summary = f"{ledger.rows_out:,} of {ledger.rows_in:,} generated rows passed the gates"
    result.payload = {
        "generation": inputs.generation,
        "import": record.id,
        "replaced": result.replaced,
        "accepted": ledger.rows_out,
        "rejected_by_gate": ledger.rejected,
        "into": result.into,
    }
    return result


def preview(inputs: GateInputs, options: GateOptions, ctx: StageContext) -> GateResult:
    """What the gates say; nothing is written.

    Raises:
        UsageError: if an optional gate is unknown or lacks its setting.
    """
    result = _result(_apply(inputs, options, ctx, store=False))
    result.dry_run = True
    return result


def _apply(inputs: GateInputs, options: GateOptions, ctx: StageContext, *, store: bool) -> _Gating:
    record, rows = load_rows(options, ctx.project, inputs.generation, store=store)
    ctx.progress.start("reading the project's rows")
    judgements = read_judgements(ctx.project, record.id)
    context = gate_context(ctx, options, generation=record.id, cells=record.cells, judgements=judgements)
    gated = run_gates(rows, context, ctx.progress, ctx.cancel)
    split = _split(options, rows, has_rows=bool(context.accepted or context.held_out))
    return _Gating(record, rows, gated, split, context.notes)


def _split(options: GateOptions, rows: Sequence[GeneratedRow], *, has_rows: bool) -> Split | None:
    """A row that a teacher saw is a train row for good, and so are the rows that were made after it."""
    quoted = any(row.origin.parents for row in rows)
    if quoted or options.into == "train" or (options.into == "auto" and has_rows):
        return Split.TRAIN
    return None


def _result(gating: _Gating) -> GateResult:
    record, gated = gating.record, gating.gated
    accepted = Counter(row.generated.origin.cell for row in gated.passed)
    rejected = Counter(rejection.reason for rejection in gated.rejected)
    return GateResult(
        generation=record.id,
        verdicts=gated.verdicts,
        ledger=StageLedger(
            stage=f"gate {record.id}",
            rows_in=len(gating.rows),
            rows_out=len(gated.passed),
            rejected=dict(sorted(rejected.items())),
        ),
        cells=[
            CellResult(name=cell.name, quota=cell.quota, generated=cell.rows, accepted=accepted[cell.name])
            for cell in record.cells
            if record.source == "teacher"
        ],
        into=gating.split.value if gating.split else "free",
        notes=gating.notes,
    )


def _refuse_empty(result: GateResult) -> None:
    if result.ledger.rows_out:
        return
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in result.ledger.rejected.items())
    raise DataError(
        f"none of {result.ledger.rows_in:,} rows passes the gates",
        where=f"{result.generation}; rejected: {rejected or 'there were none'}",
        next_command=f"narrowcast data gate {result.generation} --dry-run",
        reason_code="dataset_rows_rejected",
    )
