"""`narrowcast data gate --imported IMPORT`: what the gates say of rows that the project has already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.errors import DataError
from narrowcast.factory.candidate import Candidate
from narrowcast.factory.gating import GateVerdict, run_gates
from narrowcast.factory.generation import GenerationPaths, GenerationRecord
from narrowcast.factory.options import GateOptions
from narrowcast.ops.data.gate_context import gate_context
from narrowcast.ops.data.generations import factory_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.import_rows import accepted_rows
from narrowcast.store.imports import read_records


class Refused(BaseModel):
    """A row that a gate would turn away."""

    row: str
    gate: str
    reason: str


class ImportGates(BaseModel):
    """What the gates say of an import; nothing is changed by it."""

    imported: str
    rows: int = Field(description="Accepted rows that may be trained on; held-out ones are not asked of.")
    passed: int
    verdicts: list[GateVerdict]
    refused: list[Refused]
    notes: list[str] = Field(default_factory=list)


def gate_import(
    project: Project,
    import_id: str,
    overrides: dict[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ImportGates:
    """Ask the gates of the accepted rows of an import, among the project's other rows.

    Raises:
        DataError: where there is no such import, or all its rows are held out.
        UsageError: for wrong options, or a task whose rows the gates can not read.
    """
    options = factory_options(project, "gate", GateOptions, overrides)
    shown, token = progress or NullProgress(), cancel or CancelToken()
    audited = next((each for each in read_records(project.paths) if each.id == import_id), None)
    if audited is None:
        raise DataError(
            "there is no such import",
            where=import_id,
            next_command="narrowcast data imports",
            reason_code="dataset_import_unknown",
        )
    nobody = GenerationRecord(id=import_id, source="file", writer="")
    context = gate_context(project, nobody, GenerationPaths(project.paths, import_id), options)
    locked = {row.id for row in context.held_out}
    rows = [row for row in accepted_rows(project.paths, [audited]) if row.id not in locked]
    if not rows:
        raise DataError(
            "every row of the import is held out",
            where=import_id,
            next_command="narrowcast data leakage train test",
            reason_code="factory_rows_missing",
        )
    mine = {row.id for row in rows}
    others = [row for row in context.accepted if row.id not in mine]
    candidates = [Candidate(row.index, context.shape.write(row.inputs, row.target)) for row in rows]
    gated = run_gates(candidates, replace(context, accepted=others), shown, token)
    shown.finish()
    outcome = ImportGates(
        imported=import_id,
        rows=len(rows),
        passed=len(gated.passed),
        verdicts=gated.verdicts,
        refused=[
            Refused(row=f"{import_id}:{each.candidate.index}", gate=each.gate, reason=each.detail)
            for each in gated.rejected
        ],
        notes=context.notes,
    )
    project.trail.emit(
        StageName.FACTORY,
        "factory_gate_audit",
        f"the gates would let {outcome.passed:,} of {outcome.rows:,} rows of {import_id} pass",
        payload=outcome.model_dump(
            mode="json", exclude={"refused": True, "verdicts": {"__all__": {"examples"}}}
        ),
        run=import_id,
    )
    return outcome
