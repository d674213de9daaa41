"""The whole loop: sources, prepare, baselines, train, evaluate, export, and the exported files measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageOptions, StageResult
from narrowcast.core.work import as_work
from narrowcast.errors import UsageError
from narrowcast.ops.imports import import_sources
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import PIPELINE, stage


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
        resume: continue from the last checkpoint of an interrupted training run.
        progress: where long work shows itself.
        cancel: how it is stopped.

    Returns:
        Stage name to result.

    Raises:
        UsageError: for wrong options of any stage, all found before anything is run.
        NarrowcastError: whatever a stage raised.
    """
    opened = _opened(project, settings)
    work = as_work(progress, cancel)
    stages = [(stage(name), options) for name, options in planned_options(opened, until).items()]
    with opened.lock("run"):
        import_sources(opened, work)
        return opened.runner(work).run_all(stages, resume=resume)


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
