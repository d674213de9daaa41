"""`narrowcast data gate`: generated rows through the gates, and what passes into the project as an import."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, Field

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import GeneratedBy, ImportRecord
from narrowcast.core.names import Provenance, Split
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.row import RejectedRow, SourceRow, TransformedRow
from narrowcast.core.work import Work
from narrowcast.errors import DataError, UsageError
from narrowcast.factory.candidate import Candidate, read_candidates
from narrowcast.factory.file_rows import store_file
from narrowcast.factory.gating import Gated, GateVerdict, run_gates
from narrowcast.factory.generation import GenerationRecord
from narrowcast.factory.options import GateOptions
from narrowcast.ops.data.gate_context import gate_context
from narrowcast.ops.data.generations import factory_options, find_generation
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.files import write_json
from narrowcast.store.imports import ImportWriter, read_records

Into = Literal["auto", "train", "free"]


class CellResult(BaseModel):
    """What a cell of the plan has after the gates."""

    name: str
    quota: int
    generated: int
    accepted: int


class GateOutcome(BaseModel):
    """What the gates said, and what became of it."""

    dry_run: bool
    generation: str
    verdicts: list[GateVerdict]
    ledger: StageLedger
    cells: list[CellResult] = Field(default_factory=list)
    record: ImportRecord | None = Field(default=None, description="The import; None in a dry run.")
    into: str = ""
    notes: list[str] = Field(default_factory=list, description="What gates could not do.")


def gate(
    project: Project,
    generation: str | None = None,
    overrides: dict[str, Any] | None = None,
    *,
    rows: Path | None = None,
    into: Into = "auto",
    dry_run: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> GateOutcome:
    """Ask the gates, keep every reject with gate and reason, import what passes.

    Args:
        project: where to.
        generation: its id; the one written last where None.
        overrides: of `GateOptions`.
        rows: a JSONL file of rows written elsewhere, one row of the task's form a line, to gate instead.
        into: `train` fixes the rows to the train split; `free` lets them be split; `auto` takes train where
            a prompt quoted rows or the project has rows of its own.
        dry_run: say what the gates say; import nothing.
        progress: where long work shows itself.
        cancel: how it is stopped.

    Raises:
        UsageError: for wrong options or a gate without its setting.
        DataError: where there are no rows, they were imported before, or none passes.
    """
    options = factory_options(project, "gate", GateOptions, overrides)
    shown, token = progress or NullProgress(), cancel or CancelToken()
    with project.lock("data gate"):
        if rows is not None:
            generation = store_file(project.paths, rows)
        record, paths = find_generation(project, generation)
        records = read_records(project.paths)
        if not dry_run:
            _refuse_repetition(records, record)
        candidates = list(read_candidates(paths.rows))
        shown.start("reading the project's rows")
        context = gate_context(project, record, paths, options)
        gated = run_gates(candidates, context, shown, token)
        split = _split(into, candidates, bool(context.accepted or context.held_out))
        outcome = _outcome(record, gated, len(candidates), dry_run, split)
        outcome.notes = context.notes
        if not dry_run:
            _refuse_nothing(outcome)
            outcome.record = _import(project, record, outcome, gated, candidates, split, shown, token)
            write_json(paths.verdicts, outcome.model_dump(mode="json"))
    shown.finish()
    if not dry_run:
        _emit(project, outcome)
    return outcome


def parse_into(text: str) -> Into:
    """A word of the command line.

    Raises:
        UsageError: for any other.
    """
    for word in get_args(Into):
        if text == word:
            return cast(Into, word)
    raise UsageError(
        f"rows can not go into {text!r}",
        where="--into",
        next_command="use auto, train or free",
        reason_code="factory_request_invalid",
    )


def _split(into: Into, candidates: Sequence[Candidate], has_rows: bool) -> Split | None:
    """A row that a teacher saw is a train row for ever, and so are the rows that were made after it."""
    quoted = any(row.origin.parents for row in candidates)
    if quoted or into == "train" or (into == "auto" and has_rows):
        return Split.TRAIN
    return None


def _outcome(
    record: GenerationRecord, gated: Gated, rows: int, dry_run: bool, split: Split | None
) -> GateOutcome:
    accepted = Counter(row.candidate.origin.cell for row in gated.passed)
    return GateOutcome(
        dry_run=dry_run,
        generation=record.id,
        verdicts=gated.verdicts,
        ledger=StageLedger(
            stage=f"gate {record.id}",
            rows_in=rows,
            rows_out=len(gated.passed),
            rejected=dict(sorted(Counter(f"gate_{each.gate}" for each in gated.rejected).items())),
        ),
        cells=[
            CellResult(
                name=cell.name, quota=cell.quota, generated=cell.rows, accepted=accepted.get(cell.name, 0)
            )
            for cell in record.cells
            if record.source == "teacher"
        ],
        into=split.value if split else "free",
    )


def _import(
    project: Project,
    record: GenerationRecord,
    outcome: GateOutcome,
    gated: Gated,
    candidates: Sequence[Candidate],
    split: Split | None,
    progress: Progress,
    cancel: CancelToken,
) -> ImportRecord:
    """What passes, as an import; see `ImportWriter`."""
    with ImportWriter(project.paths, Work(progress, cancel)) as writer:
        progress.start("keeping the rows", len(candidates))
        stored = writer.store(map(_source_row, candidates))
        # What the gates said is part of the name: other gates make another import of the same rows.
        verdict = hashlib.sha256(",".join(str(row.index) for row in gated.passed).encode()).hexdigest()
        name = writer.name("generated", verdict)
        kept = writer.keep(_outcomes(gated, name, split))
        made = ImportRecord(
            id=name,
            locator=f"generated:{record.id}",
            mapper="generated",
            into=split,
            rows=stored.rows,
            accepted=kept.accepted,
            rejected=kept.rejected,
            raw_sha256=stored.sha256,
            accepted_sha256=kept.accepted_sha256,
            generated_by=GeneratedBy(
                generation=record.id,
                writer=record.writer,
                prompt_sha256=record.prompt_sha256,
                tokens=record.spending.tokens,
                cost=record.spending.cost,
                gates=[verdict.gate for verdict in outcome.verdicts],
            ),
        )
        writer.commit(made)
    return made


def _source_row(row: Candidate) -> SourceRow:
    if row.error is not None:
        return SourceRow(row.index, error=row.error, raw=row.raw)
    return SourceRow(row.index, {"row": row.data, "origin": row.origin.model_dump(exclude_defaults=True)})


def _outcomes(gated: Gated, name: str, split: Split | None) -> Iterator[TransformedRow | RejectedRow]:
    found: list[TransformedRow | RejectedRow] = [
        RejectedRow(
            each.candidate.index,
            f"gate_{each.gate}",
            each.detail,
            data=_source_row(each.candidate).data or None,
            raw=each.candidate.raw,
        )
        for each in gated.rejected
    ]
    for row in gated.passed:
        origin = row.candidate.origin
        example = Example(
            inputs=row.example.inputs,
            target=row.example.target,
            source=name,
            index=row.index,
            group=origin.group,
            split=split,
            provenance=Provenance.SYNTHETIC,
            parents=tuple(origin.parents),
        )
        found.append(TransformedRow(row.index, example))
    return iter(sorted(found, key=lambda each: each.index))


def _refuse_repetition(records: Sequence[ImportRecord], generation: GenerationRecord) -> None:
    for each in records:
        if each.generated_by is not None and each.generated_by.generation == generation.id:
            raise DataError(
                f"the rows of {generation.id} are imported already, as {each.id}",
                where=each.locator,
                next_command=f"narrowcast data remove {each.id}, if they are to be gated anew",
                reason_code="dataset_already_imported",
            )


def _refuse_nothing(outcome: GateOutcome) -> None:
    if outcome.ledger.rows_out:
        return
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in outcome.ledger.rejected.items())
    raise DataError(
        f"not one of {outcome.ledger.rows_in:,} rows passes the gates",
        where=f"{outcome.generation}; rejected: {rejected or 'there were none'}",
        next_command=f"narrowcast data gate {outcome.generation} --dry-run",
        reason_code="dataset_rows_rejected",
    )


def _emit(project: Project, outcome: GateOutcome) -> None:
    ledger = outcome.ledger
    project.trail.emit(
        StageName.FACTORY,
        "factory_gate_run",
        f"{ledger.rows_out:,} of {ledger.rows_in:,} generated rows passed the gates",
        payload={
            "generation": outcome.generation,
            "import": outcome.record.id if outcome.record else "",
            "accepted": ledger.rows_out,
            "rejected_by_gate": ledger.rejected,
            "into": outcome.into,
        },
        run=outcome.generation,
    )
