"""The gates applied to the rows of an import: they name rows and reasons, and nothing is changed."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow
from narrowcast.core.stage import StageContext, StageDefinition, StageInputs, StageResult
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError
from narrowcast.factory.brief import declared_task
from narrowcast.factory.gate_context import gate_context
from narrowcast.factory.gates.settings import PluginGate, plugin_gates
from narrowcast.factory.gating import GateVerdict, run_gates
from narrowcast.factory.options import GateOptions
from narrowcast.factory.project_rows import project_rows_hash
from narrowcast.models.loading import resolve_base
from narrowcast.reasons import StageName
from narrowcast.store.import_rows import accepted_rows
from narrowcast.store.imports import read_records


class AuditOptions(GateOptions):
    """The options of the gates, and the import."""

    imported: str
    """Id of the import."""


class AuditInputs(StageInputs):
    """An import, and everything that its rows are compared with."""

    imported: str
    project_rows: str
    plugins: list[PluginGate]
    """Chosen gates that plug-ins bring."""
    task: TaskSpec
    base: str


class GateFinding(BaseModel):
    """A row that a gate would reject."""

    row: str
    gate: str
    reason: str


class AuditResult(StageResult):
    """What the gates say of an import."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    imported: str
    rows: int
    """Accepted rows that may be trained on; held-out ones are left out."""
    passed: int
    verdicts: list[GateVerdict]
    rejections: list[GateFinding]
    notes: list[str] = Field(default_factory=list)
    """What gates could not check."""


def read_inputs(options: AuditOptions, ctx: StageContext) -> AuditInputs:
    """The import, and the project's rows.

    Raises:
        UsageError: if settings of gates are wrong.
        DataError: if there is no such import, or the project declares no task.
        ModelError: if the base model cannot be read.
    """
    if options.imported not in {record.id for record in read_records(ctx.project)}:
        raise DataError(
            "there is no such import",
            where=options.imported,
            next_command="narrowcast data imports",
            reason_code="dataset_import_unknown",
        )
    return AuditInputs(
        imported=options.imported,
        project_rows=project_rows_hash(ctx.project),
        plugins=plugin_gates(options),
        task=declared_task(ctx.project),
        base=resolve_base(options.base, ctx.settings).fingerprint,
        parent=options.imported,
    )


def run(inputs: AuditInputs, options: AuditOptions, ctx: StageContext) -> AuditResult:
    """Apply the gates to the accepted rows of the import, among the project's other rows.

    Raises:
        DataError: if all rows of the import are held out.
        UsageError: for a task whose rows the gates cannot read.
    """
    name = inputs.imported
    context = gate_context(ctx, options)
    rows = _trainable(name, {row.id for row in context.held_out}, ctx)
    audited = {row.id for row in rows}
    others = [row for row in context.accepted if row.id not in audited]
    generated = [GeneratedRow(row.index, context.shape.write(row.inputs, row.target)) for row in rows]
    gated = run_gates(generated, replace(context, accepted=others), ctx.progress, ctx.cancel)
    result = AuditResult(
        imported=name,
        rows=len(rows),
        passed=len(gated.passed),
        verdicts=gated.verdicts,
        rejections=[
            GateFinding(row=f"{name}:{each.generated.index}", gate=each.gate, reason=each.detail)
            for each in gated.rejected
        ],
        notes=context.notes,
        summary=f"{len(gated.passed):,} of {len(rows):,} rows of {name} would pass the gates",
    )
    kept = {"imported", "rows", "passed", "verdicts", "notes"}
    examples = {"verdicts": {"__all__": {"examples"}}}
    result.payload = result.model_dump(mode="json", include=kept, exclude=examples)
    return result


def _trainable(name: str, held_out: set[str], ctx: StageContext) -> list[Example]:
    record = next(record for record in read_records(ctx.project) if record.id == name)
    rows = [row for row in accepted_rows(ctx.project, [record]) if row.id not in held_out]
    if not rows:
        raise DataError(
            "every row of the import is held out",
            where=name,
            next_command="narrowcast data leakage train test",
            reason_code="factory_rows_missing",
        )
    return rows


def _import(inputs: AuditInputs, options: AuditOptions) -> str:  # noqa: ARG001 - the form of a subject
    return inputs.imported


AUDIT = StageDefinition(
    name="gate_audit",
    event_stage=StageName.FACTORY,
    options=AuditOptions,
    result=AuditResult,
    read_inputs=read_inputs,
    run=run,
    preview=run,
    success_code="factory_gate_audit",
    failure_code="factory_gate_failed",
    cancelled_code="factory_cancelled",
    command="data gate --imported",
    subject=_import,
)
