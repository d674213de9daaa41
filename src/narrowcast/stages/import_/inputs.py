"""What an import depends on: the source's content and the settled mapping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from narrowcast.connectors import connect, content_fingerprint, settle
from narrowcast.connectors.base import Connector, SettledLocator
from narrowcast.core.config import ProjectConfig, SourceSpec
from narrowcast.core.hashing import content_hash
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, DataError, MissingExtraError
from narrowcast.stages.import_.choose import choose_mapping, given_mapping
from narrowcast.stages.import_.introspect import introspect
from narrowcast.stages.import_.limited import (
    files_not_reached,
    refuse_sorted,
    rows_to_introspect,
    warn_of_first,
)
from narrowcast.stages.import_.mapping.task import closed_task, refuse_conflict, scoring_mode
from narrowcast.stages.import_.options import ImportPlan, Inputs, Options, Result
from narrowcast.stages.import_.reshape import Reshape, ReshapedConnector
from narrowcast.stages.import_.source import introspect_source, source_access
from narrowcast.store.config_file import load_config
from narrowcast.store.forgotten import read_forgotten
from narrowcast.store.imports import read_records
from narrowcast.store.stage_records import load_record


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """Open the source, settle its mapping, and find out what names its content.

    Raises:
        UsageError: for a wrong locator, mapper, field or column, or a mapper that does not fit the task.
        DataError: if the source cannot be read, or no mapping is certain enough.
        CancelledError: on request.
    """
    config, work = load_config(ctx.project.config), Work(ctx.progress, ctx.cancel)
    listed = any(each.locator == options.locator for each in config.sources)
    settled = settle(options.locator, ctx.project.root, listed=listed)
    request = _asked(options, settled, config)
    try:
        connector = reshaped(connect(settled.opened, source_access(ctx)), request, ctx.project)
        description = connector.describe()
        with nothing_kept():
            rows = islice(connector.load(), request.limit)
            content = content_fingerprint(settled.opened.scheme, connector, rows, work)
    except (DataError, MissingExtraError) as error:
        if options.keep_unreadable and (kept := _kept_inputs(request, settled, ctx)) is not None:
            ctx.progress.note(f"{settled.recorded}: its imported rows are kept, because {error}")
            return kept
        raise
    task = task_before(ctx.project, former_imports(ctx.project, settled.recorded, request.into))
    with nothing_kept():
        report = None
        chosen = given_mapping(connector.load(), request)
        if chosen is None:
            introspection = introspect_source(connector, description, rows_to_introspect(request.limit), work)
            chosen, report = (
                choose_mapping(introspection, request, task, force=ctx.force),
                introspection.report,
            )
            if request.limit is not None and request.limit < report.rows:
                warn_of_first(introspection, chosen, introspect(islice(connector.load(), request.limit)))
                if not ctx.force:
                    refuse_sorted(introspection, chosen, islice(connector.load(), request.limit))
        if request.limit is not None:
            chosen.warnings.extend(files_not_reached(description, islice(connector.load(), request.limit)))
    plan = ImportPlan(
        source=description,
        report=report,
        mapper=chosen.mapper.id,
        field_map=chosen.field_map,
        confidence=chosen.confidence,
        forced=chosen.forced,
        warnings=chosen.warnings,
    )
    refuse_conflict(task, chosen.mapper, scoring_mode(chosen.mapper, chosen.field_map))
    inputs = _inputs(request, settled, content, task, plan.mapper, plan.field_map)
    inputs.plan, inputs.connector = plan, connector
    return inputs


def reshaped(connector: Connector, spec: SourceSpec, project: ProjectPaths) -> Connector:
    """The source with what `--explode`, `--derive` and `--where` do to its rows, except forgotten ones."""
    reshape = Reshape.of(spec)
    return ReshapedConnector(connector, reshape, read_forgotten(project)) if reshape else connector


def _asked(options: Options, settled: SettledLocator, config: ProjectConfig) -> Options:
    """The options; where they name no mapping, with what `narrowcast.yaml` says of the source."""
    known = next(
        (each for each in config.sources if (each.locator, each.into) == (settled.recorded, options.into)),
        None,
    )
    if known is None:
        return options
    changes: dict[str, Any] = {
        "licence": options.licence or known.licence,
        "consent": options.consent or known.consent,
        "explode": options.explode or known.explode,
        "derive": options.derive or known.derive,
        "where": options.where or known.where,
    }
    if not options.auto and options.mapper is None:
        changes |= {
            "auto": known.mapper is None,
            "mapper": known.mapper,
            "map": {**known.map, **options.map},
            "group": options.group or known.group,
            "limit": options.limit or known.limit,
        }
    return options.model_copy(update=changes)


def _inputs(
    asked: Options,
    settled: SettledLocator,
    content: str,
    task: TaskSpec | None,
    mapper: str,
    field_map: dict[str, str],
) -> Inputs:
    return Inputs(
        locator=settled.recorded,
        content=content,
        mapper=mapper,
        field_map=field_map,
        into=asked.into,
        limit=asked.limit,
        licence=asked.licence,
        consent=asked.consent,
        declared=_declared(task, asked.into),
        opened=settled.opened,
        shape=_shape(asked),
    )


def _kept_inputs(asked: Options, settled: SettledLocator, ctx: StageContext) -> Inputs | None:
    """The inputs of the last import of a source that cannot be read now; None where there is none."""
    formers = former_imports(ctx.project, settled.recorded, asked.into)
    if not formers:
        return None
    record = formers[-1]
    task = task_before(ctx.project, formers)
    mapper, field_map = asked.mapper or record.mapper, asked.field_map or record.field_map
    inputs = _inputs(asked, settled, f"import:{record.id}", task, mapper, field_map)
    last = last_result(ctx.project, inputs)
    return inputs if last is None else inputs.model_copy(update={"content": last.content})


def _shape(asked: Options) -> SourceSpec:
    """The source with what is done to its rows before they are mapped, and nothing else."""
    return SourceSpec(
        locator=asked.locator, limit=None, explode=asked.explode, derive=asked.derive, where=asked.where
    )


def former_imports(project: ProjectPaths, locator: str, into: Split | None) -> list[ImportRecord]:
    """Imports of the same source into the same split; a new one takes their place."""
    return [each for each in read_records(project) if (each.locator, each.into) == (locator, into)]


def last_result(project: ProjectPaths, inputs: Inputs) -> Result | None:
    """What the last import of the source returned; None where it was made by an older version."""
    record = load_record(project, "import", inputs.subject)
    return Result.model_validate(record.result) if record else None


def task_before(project: ProjectPaths, formers: list[ImportRecord]) -> TaskSpec | None:
    """The project's task without what its formers alone proposed: that goes with the last import."""
    task = load_config(project.config).task
    replaced = {each.id for each in formers}
    others = [each for each in read_records(project) if each.id not in replaced]
    if task is not None and task.proposed_by == "introspection" and replaced and not others:
        return None
    return task


def _declared(task: TaskSpec | None, into: Split | None) -> str:
    closed = closed_task(task, into)
    if closed is None or closed.proposed_by != "user":
        return ""
    return content_hash({"labels": closed.labels, "schema": closed.output_schema})


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Say in a cancellation that the import left nothing behind."""
    try:
        yield
    except CancelledError as error:
        error.next_command = "run the same command again; nothing was stored"
        raise
