"""One stage of a project: its options from `narrowcast.yaml` and the caller, run through the pipeline."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from pydantic import ValidationError

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.errors import UsageError
from narrowcast.ops.project import Project
from narrowcast.stages import stage
from narrowcast.stages.base import StageOptions, StageResult
from narrowcast.store.config_file import describe_mistakes


def stage_options(project: Project, name: str, overrides: dict[str, Any] | None = None) -> StageOptions:
    """The stage's options: defaults, then `narrowcast.yaml`, then `overrides`.

    Raises:
        UsageError: names every unknown option and every wrong value at once.
    """
    model: type[StageOptions] = stage(name).options
    try:
        return model.model_validate({**project.config.stage_options(name), **(overrides or {})})
    except ValidationError as error:
        raise UsageError(
            f"wrong options: {describe_mistakes(error)}",
            where=f"{name} in {project.paths.config.name} or on the command line",
            next_command=f"narrowcast {_COMMANDS.get(name, name)} --help",
        ) from error


_COMMANDS = {"evaluate": "eval"}


def run_stage(
    project: Project,
    name: str,
    overrides: dict[str, Any] | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> StageResult:
    """Run one stage, or take its result from its record where nothing changed.

    The project is locked meanwhile. `force` runs a fresh stage again. Of several processes that train one
    model together, the first holds the lock for all.
    """
    options = stage_options(project, name, overrides)
    with nullcontext() if project.settings.process else project.lock(name):
        result: StageResult = project.runner(progress, cancel).run(
            stage(name), options, force=force, resume=resume
        )
        return result
