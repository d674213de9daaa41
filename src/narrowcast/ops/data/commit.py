"""A committed import, in an order that a kill at any moment leaves whole or absent.

Rows and rejects are written first, then `narrowcast.yaml`, then the record in `registry/imports.jsonl`: that
is the commit point. Files without a record are deleted by the next import.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from narrowcast.core.config import ProjectConfig, SourceSpec
from narrowcast.core.hashing import content_hash, short
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, DataError, NarrowcastError
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.import_.mapping.engine import RowMapping
from narrowcast.stages.import_.mapping.task import merged_task, refuse_conflict, scoring_mode
from narrowcast.store.forgotten import read_forgotten, withheld
from narrowcast.store.imports import ImportWriter, KeptRows
from narrowcast.store.source_rows import StoredRows, read_source_rows

if TYPE_CHECKING:
    from narrowcast.ops.data.rows import ImportRequest


def commit_import(
    project: Project, request: ImportRequest, progress: Progress, cancel: CancelToken
) -> tuple[ImportRecord, TaskSpec]:
    """Write rows, rejects, configuration and record; then emit the events.

    Raises:
        DataError: where the same rows were imported before, or none can be mapped.
        CancelledError: on request; nothing is kept.
    """
    paths, work = project.paths, Work(progress, cancel)
    with project.lock("data import"), ImportWriter(paths, work) as writer:
        progress.start("reading the rows", request.expected_rows)
        rows = withheld(islice(request.connector.load(), request.limit), read_forgotten(paths))
        stored = writer.store(rows)
        name = writer.name(request.chosen.mapper.id)
        request = current(request, project)
        mapper = request.mapper()
        mapping = RowMapping(mapper, request.chosen.field_map, name, request.into, request.provenance)
        progress.start("mapping the rows", stored.rows)
        kept = writer.keep(mapping.map_all(read_source_rows(writer.raw)))
        _refuse_nothing(request, kept)
        record = _record(request, name, stored, kept)
        task = merged_task(request.task, mapper.task())
        writer.commit(record, _configured(project.config, request, task))
    _emit(project, request, record)
    return record, task


def current(request: ImportRequest, project: Project) -> ImportRequest:
    """The request with the task as it is now that the project is locked; another import may have ended."""
    task = project.config.task
    refuse_conflict(task, request.chosen.mapper, scoring_mode(request.chosen.mapper, request.plan.field_map))
    return replace(request, task=task)


def _refuse_nothing(request: ImportRequest, mapped: KeptRows) -> None:
    if mapped.accepted:
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in mapped.rejected.items())
    raise DataError(
        f"not one of {mapped.rows:,} rows could be mapped with {request.plan.mapper}",
        where=f"{request.locator}; rejected: {reasons or 'nothing was read'}",
        next_command=f"narrowcast data import --locator {request.locator} "
        f"--mapper {request.plan.mapper} --dry-run",
        reason_code="dataset_rows_rejected",
    )


def _record(request: ImportRequest, name: str, stored: StoredRows, mapped: KeptRows) -> ImportRecord:
    return ImportRecord(
        id=name,
        locator=request.locator,
        mapper=request.plan.mapper,
        field_map=request.plan.field_map,
        into=request.into,
        rows=stored.rows,
        accepted=mapped.accepted,
        rejected=mapped.rejected,
        raw_sha256=stored.sha256,
        accepted_sha256=mapped.accepted_sha256,
        licence=request.licence,
        consent=request.consent,
        confidence=request.plan.confidence,
        forced=request.plan.forced,
        origin=request.plan.source.origin,
    )


def _configured(config: ProjectConfig, request: ImportRequest, task: TaskSpec) -> ProjectConfig:
    """The configuration with this source, as it was mapped, and the task as it is now."""
    plan = request.plan
    source = SourceSpec(
        locator=request.locator,
        mapper=plan.mapper,
        map={role: column for role, column in plan.field_map.items() if role != "group"},
        group=plan.field_map.get("group"),
        into=request.into,
        limit=request.limit,
        licence=request.licence,
        consent=request.consent,
    )
    sources = list(config.sources)
    for place, each in enumerate(sources):
        if (each.locator, each.into) == (source.locator, source.into):
            sources[place] = source
            break
    else:
        sources.append(source)
    return config.model_copy(update={"sources": sources, "task": task})


def _emit(project: Project, request: ImportRequest, record: ImportRecord) -> None:
    rejected = sum(record.rejected.values())
    payload = {
        "source": record.locator,
        "mapper": record.mapper,
        "accepted": record.accepted,
        "rejected": rejected,
        "rejected_by_reason": record.rejected,
        "written_path": f"data/accepted/{record.id}.jsonl",
        "origin": record.origin,
        "config_id": short(content_hash({"mapper": record.mapper, "field_map": record.field_map})),
    }
    if record.forced:
        project.trail.emit(
            StageName.INGESTION,
            "dataset_import_forced",
            f"a mapping of confidence {record.confidence} was forced",
            payload=payload,
            run=record.id,
        )
    project.trail.emit(
        StageName.INGESTION,
        "dataset_import_run",
        f"{record.accepted:,} rows accepted, {rejected:,} rejected from {request.locator}",
        payload=payload,
        run=record.id,
    )


def emit_failure(project: Project, locator: str, error: Exception) -> None:
    """The event of an import that did not happen."""
    code = "dataset_import_cancelled" if isinstance(error, CancelledError) else "dataset_import_failed"
    known = isinstance(error, NarrowcastError)
    project.trail.emit(
        StageName.INGESTION,
        code,
        str(error) if known else f"{type(error).__name__}: {error}",
        payload={
            "source": locator,
            "reason_code": error.reason_code if isinstance(error, NarrowcastError) else code,
            "next": error.next_command if isinstance(error, NarrowcastError) else "",
        },
    )
