"""One stage of a project, run by request: options from `narrowcast.yaml` and the caller, then the runner."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from narrowcast.core.request import ResumableRequest, StageRequest
from narrowcast.core.stage import I, O, R, StageDefinition
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import read_options


class StagePreview(BaseModel):
    """What a dry run of a stage says; nothing was written and no event recorded."""

    dry_run: bool = True
    stage: str
    run_id: str
    runs: bool
    """Whether a run would do anything."""
    reason: str
    options: dict[str, Any]


def stage_options(
    project: Project, definition: StageDefinition[I, O, R], overrides: dict[str, Any] | None = None
) -> O:
    """The stage's options: defaults, then `narrowcast.yaml`, then `overrides`.

    Raises:
        UsageError: one error names every unknown option and every wrong value.
    """
    return read_options(
        project.paths.config, definition.name, definition.options, overrides, command=definition.words
    )


def run_stage(
    project: Project, definition: StageDefinition[I, O, R], request: StageRequest, work: Work | None = None
) -> R:
    """Run one stage, or take its result from its record where nothing changed.

    The project is locked meanwhile.

    Raises:
        UsageError: for a dry run, which `preview_stage` does.
        NarrowcastError: whatever the stage raised; its event is in the trail.
    """
    if request.dry_run:
        raise UsageError(
            f"{definition.words} was asked for a dry run, which has a result of its own",
            next_command="pipeline.execute.preview_stage",
        )
    options = stage_options(project, definition, request.options)
    resume = isinstance(request, ResumableRequest) and request.resume
    return project.runner(work).run(definition, options, force=request.force, resume=resume)


def preview_stage(
    project: Project, definition: StageDefinition[I, O, R], request: StageRequest, work: Work | None = None
) -> StagePreview:
    """What `run_stage` would do, without doing it."""
    options = stage_options(project, definition, request.options)
    planned = project.runner(work).plan(definition, options)
    reason = planned.stale_because or ("forced" if request.force else "")
    return StagePreview(
        stage=definition.name,
        run_id=planned.run_id,
        runs=bool(reason),
        reason=reason or "up to date",
        options=options.model_dump(mode="json"),
    )
