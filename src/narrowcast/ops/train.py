"""Training, and the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from narrowcast.core.names import StageName
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.ops.autopilot import choose
from narrowcast.ops.project import Project
from narrowcast.ops.stages import run_stage
from narrowcast.store.files import read_jsonl

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
    result = run_stage(
        project, "train", overrides, force=force, resume=resume, progress=progress, cancel=cancel
    )
    return cast("Result", result)


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
    path = project.paths.run_index
    return list(read_jsonl(path)) if path.exists() else []
