"""An import: raw rows, accepted and rejected rows, configuration and record, whole or absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from narrowcast.connectors import connect
from narrowcast.connectors.base import Connector
from narrowcast.core.config import ProjectConfig
from narrowcast.core.hashing import content_hash
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.row import SourceRow
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work, watched
from narrowcast.errors import DataError
from narrowcast.stages.import_.inputs import (
    former_imports,
    last_result,
    nothing_kept,
    reshaped,
    task_before,
)
from narrowcast.stages.import_.introspect.trial import LEFT_OUT, MOST_REJECTED, rejection_text
from narrowcast.stages.import_.mapping import MAPPERS
from narrowcast.stages.import_.mapping.alike import refuse_alike
from narrowcast.stages.import_.mapping.base import Mapper, TellsNotes
from narrowcast.stages.import_.mapping.engine import RowMapping, divided, dry_run, settle_spellings
from narrowcast.stages.import_.mapping.task import added_labels, closed_task, merged_task, names_of
from narrowcast.stages.import_.options import ImportPreview, Inputs, Options, RejectionSample, Result
from narrowcast.stages.import_.source import CANCELLED, source_access
from narrowcast.store.config_file import load_config
from narrowcast.store.forgotten import read_forgotten, withheld
from narrowcast.store.imports import (
    ImportWriter,
    KeptRows,
    is_intact,
    read_records,
    write_records,
)
from narrowcast.store.source_rows import StoredRows, read_source_rows


def run(inputs: Inputs, options: Options, ctx: StageContext) -> Result:  # noqa: ARG001 - the stage contract
    """Write the rows of a source in the place of its former import; keep that one where nothing changed.

    Raises:
        DataError: if another import has the same rows, or no row can be mapped.
        CancelledError: on request; nothing is kept, and the former import stays.
    """
    project = ctx.project
    formers = former_imports(project, inputs.locator, inputs.into)
    if inputs.plan is None and _has_mapping(inputs, formers):
        return _unchanged(inputs, formers[0], ctx)
    connector = _connector(inputs, ctx)
    task = task_before(project, formers)
    mapper = _mapper(inputs, task)
    with (
        nothing_kept(),
        ImportWriter(project, Work(ctx.progress, ctx.cancel), [each.id for each in formers]) as writer,
    ):
        ctx.progress.start("reading the rows", inputs.expected_rows)
        rows = withheld(_rows(connector, inputs, mapper), read_forgotten(project))
        stored = writer.store(rows)
        if _has_rows(stored, inputs, formers, ctx):
            return _unchanged(inputs, formers[0], ctx)
        name = writer.name(inputs.mapper, content_hash([inputs.field_map, inputs.into, inputs.declared]))
        mapping = RowMapping(mapper, inputs.field_map, name, inputs.into, inputs.provenance)
        _settle(mapper, inputs, task, read_source_rows(writer.raw), ctx)
        ctx.progress.start("mapping the rows", stored.rows)
        kept = writer.keep(mapping.map_all(read_source_rows(writer.raw)))
        if not kept.accepted:
            raise _nothing_mapped(inputs, kept.rows, kept.rejected)
        many = _refuse_many(inputs, kept.rows, kept.rejected, force=ctx.force)
        ctx.cancel.check(reason_code=CANCELLED)  # after it, nothing stops half-way
        record = _record(inputs, name, stored, kept, forced=many)
        writer.commit(record, configured(project_config(ctx), inputs, _task(task, mapper, inputs)))
    result = _result(inputs, record, replaced=[each.id for each in formers if each.id != name])
    result.notes = [*_notes(mapper), *added_labels(task, mapper.task())]
    for note in result.notes:
        ctx.progress.note(note)
    if record.forced:
        ctx.emit(
            "dataset_import_forced",
            f"a mapping of confidence {record.confidence} was forced",
            result.payload,
        )
    return result


def preview(inputs: Inputs, options: Options, ctx: StageContext) -> ImportPreview:  # noqa: ARG001 - the contract
    """Map every row and count what would become of it; keep the first of each kind to look at."""
    assert inputs.plan is not None
    formers = former_imports(ctx.project, inputs.locator, inputs.into)
    task = task_before(ctx.project, formers)
    mapper = _mapper(inputs, task)
    mapping = RowMapping(mapper, inputs.field_map, "dry-run", inputs.into, inputs.provenance)
    ctx.progress.start("mapping the rows, without storing any", inputs.expected_rows)
    connector, forgotten = _connector(inputs, ctx), read_forgotten(ctx.project)
    _settle(mapper, inputs, task, withheld(_rows(connector, inputs, mapper), forgotten), ctx)
    rows = withheld(_rows(connector, inputs, mapper), forgotten)
    rows = watched(rows, Work(ctx.progress, ctx.cancel), reason_code=CANCELLED)
    counted = dry_run(mapping.map_all(rows))
    _refuse_many(inputs, counted.rows, counted.rejected, force=ctx.force)
    return ImportPreview(
        plan=inputs.plan,
        rows=counted.rows,
        accepted=counted.accepted,
        rejected=dict(counted.rejected.most_common()),
        sample=[{"inputs": each.inputs, "target": each.target} for each in counted.sample],
        rejected_sample={
            reason: [
                RejectionSample(index=each.index, detail=each.detail, data=each.data, raw=each.raw)
                for each in rejects
            ]
            for reason, rejects in counted.rejected_sample.items()
        },
        task=_task(task, mapper, inputs),
        notes=[*_notes(mapper), *added_labels(task, mapper.task())],
        would_fail="" if counted.accepted else str(_nothing_mapped(inputs, counted.rows, counted.rejected)),
    )


def project_config(ctx: StageContext) -> ProjectConfig:
    """`narrowcast.yaml` as it is now."""
    return load_config(ctx.project.config)


def configured(config: ProjectConfig, inputs: Inputs, task: TaskSpec | None) -> ProjectConfig:
    """The configuration with this source, as it was mapped, and the task as it is now."""
    spec = inputs.spec
    sources = list(config.sources)
    for place, each in enumerate(sources):
        if (each.locator, each.into) == (spec.locator, spec.into):
            sources[place] = spec
            break
    else:
        sources.append(spec)
    return config.model_copy(update={"sources": sources, "task": task})


def _connector(inputs: Inputs, ctx: StageContext) -> Connector:
    if inputs.connector is not None:
        given: Connector = inputs.connector
        return given
    connector = connect(inputs.opened, source_access(ctx))
    return reshaped(connector, inputs.shape, ctx.project)


def _rows(connector: Connector, inputs: Inputs, mapper: Mapper) -> Iterator[SourceRow]:
    """The rows that are stored: records of the source, cut where the mapper makes several rows of one."""
    return divided(islice(connector.load(), inputs.limit), mapper)


def _settle(
    mapper: Mapper, inputs: Inputs, task: TaskSpec | None, rows: Iterable[SourceRow], ctx: StageContext
) -> None:
    """Count the spellings of labels that are to be joined, before the first row is mapped."""
    known = names_of(task) if task is not None else []
    rows = watched(rows, Work(ctx.progress, ctx.cancel), reason_code=CANCELLED)
    settle_spellings(mapper, inputs.field_map, rows, known)


def _task(task: TaskSpec | None, mapper: Mapper, inputs: Inputs) -> TaskSpec:
    """The project's task with what these rows add to it.

    Raises:
        DataError: where labels look alike, and the mapping does not say what is to be done with them.
    """
    merged = merged_task(task, mapper.task())
    if inputs.field_map.get("alike") != "keep":
        refuse_alike(names_of(merged), inputs.locator)
    return merged


def _notes(mapper: Mapper) -> list[str]:
    return mapper.notes() if isinstance(mapper, TellsNotes) else []


def _mapper(inputs: Inputs, task: TaskSpec | None) -> Mapper:
    """A fresh mapper; it collects labels while it maps."""
    return MAPPERS.get(inputs.mapper)(inputs.field_map, closed_task(task, inputs.into))


def _has_mapping(inputs: Inputs, formers: list[ImportRecord]) -> bool:
    """Whether there is one former import, made by the same mapping."""
    return [(each.mapper, each.field_map) for each in formers] == [(inputs.mapper, inputs.field_map)]


def _has_rows(stored: StoredRows, inputs: Inputs, formers: list[ImportRecord], ctx: StageContext) -> bool:
    """Whether the one former import has these rows, so mapped; an older version may have made it."""
    if not _has_mapping(inputs, formers) or formers[0].raw_sha256 != stored.sha256:
        return False
    last = last_result(ctx.project, inputs)
    same_task = last is None or last.declared == inputs.declared
    return same_task and is_intact(ctx.project, formers[0])


def _unchanged(inputs: Inputs, former: ImportRecord, ctx: StageContext) -> Result:
    """Keep the rows of the former import; what is said of them may have changed."""
    origin = inputs.plan.source.origin if inputs.plan else former.origin
    record = former.model_copy(
        update={"licence": inputs.licence, "consent": inputs.consent, "origin": origin}
    )
    config = project_config(ctx)
    records = [record if each.id == former.id else each for each in read_records(ctx.project)]
    write_records(ctx.project, records, configured(config, inputs, config.task))
    result = _result(inputs, record)
    result.unchanged = True
    result.summary = f"{record.locator} has not changed; {record.id} is kept"
    return result


def _nothing_mapped(inputs: Inputs, rows: int, rejected: Mapping[str, int]) -> DataError:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items())
    return DataError(
        f"not one of {rows:,} rows could be mapped with {inputs.mapper}",
        where=f"{inputs.locator}; rejected: {reasons or 'nothing was read'}",
        next_command=f"narrowcast data import --locator {inputs.locator} --mapper {inputs.mapper} --dry-run",
        reason_code="dataset_rows_rejected",
    )


def _refuse_many(inputs: Inputs, rows: int, rejected: Mapping[str, int], *, force: bool) -> bool:
    """Whether many of all rows do not fit a mapping that was proposed.

    Raises:
        DataError: where they do not, and the import is not forced.
    """
    proposed = inputs.plan is not None and inputs.plan.confidence is not None
    excluded = sum(count for reason, count in rejected.items() if reason in LEFT_OUT)
    lost = sum(rejected.values()) - excluded
    if not proposed or lost <= MOST_REJECTED * (rows - excluded):
        return False
    if force:
        return True
    pairs = ",".join(f"{role}={column}" for role, column in inputs.field_map.items())
    raise DataError(
        f"the proposed mapping does not fit: {rejection_text(rows, rejected)}",
        where=inputs.locator,
        next_command=f"add --force to use it, or name it: --mapper {inputs.mapper} --map '{pairs}'",
        reason_code="dataset_mapping_uncertain",
    )


def _record(inputs: Inputs, name: str, stored: StoredRows, kept: KeptRows, *, forced: bool) -> ImportRecord:
    plan = inputs.plan
    return ImportRecord(
        id=name,
        locator=inputs.locator,
        mapper=inputs.mapper,
        field_map=inputs.field_map,
        into=inputs.into,
        rows=stored.rows,
        accepted=kept.accepted,
        rejected=kept.rejected,
        raw_sha256=stored.sha256,
        accepted_sha256=kept.accepted_sha256,
        licence=inputs.licence,
        consent=inputs.consent,
        confidence=plan.confidence if plan else None,
        forced=forced or (plan.forced if plan else False),
        origin=plan.source.origin if plan else {},
    )


def _result(inputs: Inputs, record: ImportRecord, replaced: list[str] | None = None) -> Result:
    rejected = sum(record.rejected.values())
    instead = f", replacing {', '.join(replaced)}" if replaced else ""
    return Result(
        import_id=record.id,
        locator=record.locator,
        into=record.into,
        content=inputs.content,
        declared=inputs.declared,
        replaced=replaced or [],
        plan=inputs.plan,
        artifacts=[f"data/raw/{record.id}.jsonl", f"data/accepted/{record.id}.jsonl"],
        ledger=StageLedger(
            stage=f"map {record.id}", rows_in=record.rows, rows_out=record.accepted, rejected=record.rejected
        ),
        summary=f"{record.accepted:,} rows accepted, {rejected:,} rejected from {record.locator}{instead}",
        payload={
            "import": record.id,
            "replaced": replaced or [],
            "source": record.locator,
            "mapper": record.mapper,
            "accepted": record.accepted,
            "rejected": rejected,
            "rejected_by_reason": record.rejected,
            "written_path": f"data/accepted/{record.id}.jsonl",
            "origin": record.origin,
            "config_id": content_hash({"mapper": record.mapper, "field_map": record.field_map})[:12],
        },
    )
