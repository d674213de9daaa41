"""Training, and the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.request import StageRequest
from narrowcast.core.work import as_work
from narrowcast.experiments.autopilot import choose
from narrowcast.pipeline.execute import run_stage
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.runs import finished_runs

if TYPE_CHECKING:
    from narrowcast.stages.train import Result


def train(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    autopilot: bool = False,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Train, or take the result of an equal run.

    Args:
        project: with a prepared data set.
        overrides: options that win over `narrowcast.yaml`.
        autopilot: choose base, recipe and schedule where they are left open; the reasons are an event.
        resume: go on from the last checkpoint of an interrupted run.
        force: train without a baseline, and start over where a run was interrupted or finished.
        progress: where to show it.
        cancel: how to stop it; a checkpoint is written first.

    Raises:
        StageError: with one of the codes `training_*`.
        CancelledError: on request.
    """
    if autopilot:
        overrides = choose_open(project, overrides)
    from narrowcast.stages.train import STAGE

    request = StageRequest(options=overrides or {}, force=force, resume=resume)
    return run_stage(project, STAGE, request, as_work(progress, cancel))


def choose_open(project: Project, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """`overrides` with what the autopilot chooses where they leave it open; an event keeps the reasons."""
    choice = choose(project, overrides)
    named = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    payload = choice.model_dump(mode="json")
    if not project.settings.process:  # of several that train together, the first one tells
        message = named or "nothing was open"
        project.trail.emit(StageName.TRAINING, "training_autopilot", message, payload=payload)
    return {**choice.options, **(overrides or {})}


def runs(project: Project) -> list[dict[str, Any]]:
    """Every finished run, oldest first."""
    return finished_runs(project.paths)
