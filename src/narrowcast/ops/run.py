"""The whole loop: sources, prepare, baselines, train, evaluate, export, and the exported files measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from narrowcast.core.config import ProjectConfig
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageOptions, StageResult
from narrowcast.core.work import as_work
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import PIPELINE, stage
from narrowcast.store.files import read_jsonl


def run(
    project: Project | str | Path,
    *,
    settings: Settings | None = None,
    until: str | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, StageResult]:
    """Take a project through every stage that is stale, in order.

    Args:
        project: an open project, or its number, slug, folder or `narrowcast.yaml`.
        settings: the environment; read afresh where None.
        until: the last stage to run.
        resume: go on from the last checkpoint of an interrupted training run.
        progress: where long work shows itself.
        cancel: how it is stopped.

    Returns:
        Stage name to result.

    Raises:
        UsageError: for wrong options of any stage, all found before anything is run.
        NarrowcastError: whatever a stage raised.
    """
    opened = _opened(project, settings)
    shown = progress or NullProgress()
    import_sources(opened, progress=shown, cancel=cancel)
    stages = [(stage(name), options) for name, options in planned_options(opened, until).items()]
    return opened.runner(as_work(shown, cancel)).run_all(stages, resume=resume)


def planned_options(project: Project, until: str | None = None) -> dict[str, StageOptions]:
    """The options of every stage up to `until`, validated together.

    Raises:
        UsageError: with the mistakes of all stages.
    """
    names = _stage_names(until)
    options: dict[str, StageOptions] = {}
    mistakes = []
    for name in names:
        try:
            options[name] = stage_options(project, stage(name))
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("; ".join(mistakes), next_command=f"correct {project.paths.config}")
    return options


def import_sources(
    project: Project, *, progress: Progress | None = None, cancel: CancelToken | None = None
) -> None:
    """Import the sources of `narrowcast.yaml` that are not imported yet.

    Raises:
        DataError: where the project has neither sources nor imports.
    """
    from narrowcast.ops.data import import_rows

    config: ProjectConfig = project.config
    done = _imported(project)
    if not config.sources and not done:
        raise DataError(
            "the project has no rows",
            where=project.slug,
            next_command="narrowcast data import --locator csv:PATH --auto",
        )
    for source in config.sources:
        if source.locator in done:
            continue
        import_rows(
            project,
            source.locator,
            auto=source.mapper is None,
            mapper=source.mapper,
            field_map=source.map,
            group=source.group,
            into=source.into,
            limit=source.limit,
            licence=source.licence,
            consent=source.consent,
            progress=progress,
            cancel=cancel,
        )


def _imported(project: Project) -> set[str]:
    if not project.paths.imports.exists():
        return set()
    records: list[dict[str, Any]] = list(read_jsonl(project.paths.imports))
    return {record["locator"] for record in records}


def _stage_names(until: str | None) -> Sequence[str]:
    names = list(PIPELINE)
    if until is None:
        return names
    if until not in names:
        raise UsageError("no such stage", where=until, next_command=f"use one of: {', '.join(names)}")
    return names[: names.index(until) + 1]


def _opened(project: Project | str | Path, settings: Settings | None) -> Project:
    if isinstance(project, Project):
        return project
    return Project.open(settings or Settings.from_environment(), str(project))
