"""Imports of a project: run one, list them, remove one, bring all sources of `narrowcast.yaml` up to date."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.concerns import ROWS
from narrowcast.core.config import SourceSpec
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.errors import DataError, UsageError
from narrowcast.ops.requests import ImportRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.import_ import STAGE
from narrowcast.stages.import_.mapping import MAPPERS, rejection_reasons
from narrowcast.stages.import_.mapping.reasons import REJECTIONS
from narrowcast.stages.import_.options import ImportPlan, ImportPreview, Options, Result
from narrowcast.store.first_command import IMPORT
from narrowcast.store.imports import read_records, remove_orphans, write_records
from narrowcast.store.stage_records import records, remove_record


class ImportOutcome(BaseModel):
    """What an import did."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    change: Literal["new", "replaced", "unchanged"]
    """Whether the project had rows of this source, and whether they changed."""
    plan: ImportPlan | None
    """None where nothing had changed and the source was not introspected."""
    record: ImportRecord
    replaced: list[str]
    """Imports of the same source whose place this one took."""
    written_path: str
    """The accepted rows, relative to the project."""
    task: TaskSpec
    """The project's task after the import."""
    notes: list[str] = Field(default_factory=list)
    """What the mapper converted or left aside, and the labels that are new, in plain words."""


def import_rows(
    project: Project, request: ImportRequest, work: Work | None = None
) -> ImportOutcome | ImportPreview:
    """Read a source, map its rows and keep both the accepted and the rejected ones.

    A source that is imported already is imported in its own place where its content or mapping changed,
    and left as it is where not.

    Raises:
        UsageError: for a wrong locator, mapper, field or column, or a task the project does not have.
        DataError: if the source cannot be read, another import has its rows, or no row can be mapped.
    """
    _refuse_unknown(request.drop, request.mapper)
    options = Options.model_validate(request.model_dump(include=set(SourceSpec.model_fields) | {"auto"}))
    runner = project.runner(work)
    if request.dry_run:
        preview: ImportPreview = runner.preview(STAGE, options, force=request.force)
        for reason in request.drop:
            preview.rejected_sample.pop(reason, None)
        return preview
    result = runner.run(STAGE, options, force=request.force)
    record = find_import(project, result.import_id)
    kept = result.unchanged or result.plan is None
    return ImportOutcome(
        change="unchanged" if kept else "replaced" if result.replaced else "new",
        plan=result.plan,
        record=record,
        replaced=result.replaced,
        written_path=f"data/accepted/{result.import_id}.jsonl",
        task=project.config.task or TaskSpec(profile=MAPPERS.get(record.mapper).profile),
        notes=result.notes,
    )


def imports(project: Project) -> list[ImportRecord]:
    """Every committed import, oldest first."""
    return read_records(project.paths)


def find_import(project: Project, import_id: str) -> ImportRecord:
    """An import by its id.

    Raises:
        DataError: if there is none.
    """
    for record in read_records(project.paths):
        if record.id == import_id:
            return record
    raise DataError(
        "there is no such import",
        where=import_id,
        next_command="narrowcast data imports",
        reason_code="dataset_import_unknown",
    )


def remove_import(project: Project, import_id: str) -> ImportRecord:
    """Remove an import: its record, its source in `narrowcast.yaml`, its rows.

    A task that introspection proposed goes with its last import. Prepared versions stay; `prepare` makes
    the next one without these rows.

    Raises:
        DataError: if there is no such import.
    """
    with project.lock("data remove", ROWS):
        record = find_import(project, import_id)
        left = [each for each in read_records(project.paths) if each.id != import_id]
        config = project.config
        sources = [
            each for each in config.sources if (each.locator, each.into) != (record.locator, record.into)
        ]
        proposed = config.task is not None and config.task.proposed_by == "introspection"
        task = None if proposed and not left else config.task
        write_records(project.paths, left, config.model_copy(update={"sources": sources, "task": task}))
        for each in records(project.paths, STAGE.name):
            if each.result["import_id"] == import_id:
                remove_record(project.paths, STAGE.name, each.subject)
        remove_orphans(project.paths)
    project.trail.emit(
        StageName.INGESTION,
        "dataset_import_removed",
        f"{import_id} was removed: {record.accepted:,} accepted rows of {record.locator}",
        payload=record.model_dump(mode="json"),
        run=import_id,
    )
    return record


def import_sources(project: Project, work: Work | None = None) -> list[Result]:
    """Bring the imports in line with `narrowcast.yaml`: changed sources again, removed ones no more.

    A source that cannot be read now keeps the rows that were imported from it.

    Raises:
        DataError: if the project has neither sources nor imports.
    """
    with project.lock("run", ROWS):
        for record in withdrawn(project):
            remove_import(project, record.id)
        require_rows(project)
        runner = project.runner(work)
        results: list[Result] = [runner.run(STAGE, each) for each in source_options(project)]
    progress = (work or Work()).progress
    for line in (line for each in results for line in _report_lines(each)):
        progress.note(line)
    return results


def _report_lines(result: Result) -> list[str]:
    """What a source gave: the counts of `data import`, its warnings, and the reasons of rejected rows."""
    counts = result.ledger
    if counts is None:
        return []
    lost = sum(counts.rejected.values())
    lines = [
        f"{result.locator}: {counts.rows_in:,} rows = {counts.rows_out:,} accepted + {lost:,} rejected",
        *(f"! {warning}" for warning in (result.plan.warnings if result.plan else [])),
    ]
    if lost:
        meanings = rejection_reasons(result.plan.mapper if result.plan else None)
        reasons = sorted(counts.rejected.items(), key=lambda item: -item[1])
        lines += [
            f"! {count:,} rejected as {reason}: {meanings.get(reason, '')}" for reason, count in reasons
        ]
        lines.append(f"rejected rows: data/rejected/{result.import_id}.jsonl")
    return lines


def require_rows(project: Project) -> None:
    """Refuse a project that has no rows and no source of any.

    Raises:
        DataError: it has neither sources nor imports.
    """
    if not source_options(project) and not imports(project):
        raise DataError(
            "the project has no rows",
            where=project.slug,
            next_command=IMPORT,
        )


def source_options(project: Project) -> list[Options]:
    """The sources of `narrowcast.yaml` as the import stage takes them."""
    return [
        Options(**source.model_dump(), auto=source.mapper is None, keep_unreadable=True)
        for source in project.config.sources
    ]


def withdrawn(project: Project) -> list[ImportRecord]:
    """Imports whose source was taken out of `narrowcast.yaml`."""
    listed = {(each.locator, each.into) for each in project.config.sources}
    gone = {
        each.result["import_id"]
        for each in records(project.paths, STAGE.name)
        if (each.result["locator"], each.result["into"]) not in listed
    }
    return [each for each in imports(project) if each.id in gone]


def _refuse_unknown(reasons: list[str], mapper: str | None) -> None:
    if set(reasons) <= REJECTIONS.keys():
        return
    known = rejection_reasons(mapper)
    unknown = sorted(set(reasons) - known.keys())
    if unknown:
        raise UsageError(
            f"there is no rejection reason {unknown[0]!r}",
            where="--drop",
            next_command=f"use: {', '.join(known)}",
            reason_code="dataset_request_invalid",
        )
