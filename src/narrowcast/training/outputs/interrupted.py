"""Training runs that were interrupted: what they were asked for, and how far they came."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.store.runs import unfinished_runs
from narrowcast.training.outputs.checkpoints import drop_incomplete, last_checkpoint, step_of


class InterruptedRun(BaseModel):
    """A run that began and did not end; one that still runs looks the same."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    base: str
    method: str
    dataset_version: str
    step: int
    """Of its last whole checkpoint; 0: there is none to continue from."""
    steps: int
    """It was to have."""
    started: str
    options: dict[str, Any]
    """Every option of the stage."""


def interrupted_runs(project: ProjectPaths) -> list[InterruptedRun]:
    """The one that began last in front."""
    runs = []
    for run_id, note in unfinished_runs(project).items():
        checkpoint = last_checkpoint(project.runs / run_id / "checkpoints")
        step = step_of(checkpoint) if checkpoint else 0
        runs.append(InterruptedRun(run_id=run_id, step=step, **note))
    return runs


def checkpoint_to_continue(folder: Path, ctx: StageContext) -> Path | None:
    """Where a run that begins goes on from; None where it begins anew.

    Raises:
        StageError: `training_interrupted_run`, rather than losing an interrupted run silently.
    """
    if not ctx.settings.process:
        drop_incomplete(folder / "checkpoints")
    checkpoint = last_checkpoint(folder / "checkpoints")
    if checkpoint is None:
        return None
    if ctx.resume:
        ctx.emit(
            "training_resumed", f"continuing from step {step_of(checkpoint)}", {"step": step_of(checkpoint)}
        )
        return checkpoint
    if not ctx.force:
        raise StageError(
            f"this run was interrupted after step {step_of(checkpoint)}",
            where=str(checkpoint),
            next_command="narrowcast train --resume, or narrowcast train --force to start over",
            reason_code="training_interrupted_run",
        )
    if ctx.settings.process:
        return None  # the first process clears the folder
    ctx.progress.note(f"starting over; the checkpoint at step {step_of(checkpoint)} is removed")
    shutil.rmtree(folder)
    return None
