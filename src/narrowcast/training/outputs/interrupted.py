"""Training runs that have not ended: what they were asked for, how far they came, whether they still run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.store.runs import process_training, unfinished_runs
from narrowcast.training.outputs.checkpoints import (
    drop_incomplete,
    last_checkpoint,
    require_unedited_checkpoint,
    step_of,
)


class InterruptedRun(BaseModel):
    """A run that began and did not end: it was interrupted, or still runs."""

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
    process: int = 0
    """The living process that trains it now; 0: it was interrupted."""
    obstacle: str = ""
    """Why it cannot be continued; empty where it can, or still runs."""

    @property
    def checkpoint(self) -> str:
        """Its last whole checkpoint, in words."""
        return f"checkpoint at step {self.step:,} of {self.steps:,}" if self.step else "no whole checkpoint"

    @property
    def resumable(self) -> bool:
        """Whether `narrowcast train --resume` can continue it."""
        return not self.process and not self.obstacle


def interrupted_runs(project: ProjectPaths) -> list[InterruptedRun]:
    """The one that began last in front; of obstacles, only a missing checkpoint is looked for."""
    runs = []
    for run_id, note in unfinished_runs(project).items():
        checkpoint = last_checkpoint(project.runs / run_id / "checkpoints")
        step, process = step_of(checkpoint) if checkpoint else 0, process_training(project, run_id)
        obstacle = "" if step or process else "no whole checkpoint was written"
        runs.append(InterruptedRun(run_id=run_id, step=step, process=process, obstacle=obstacle, **note))
    return runs


def checkpoint_to_continue(folder: Path, ctx: StageContext) -> Path | None:
    """The checkpoint that a run continues from; None where it begins anew.

    Raises:
        StageError: `training_interrupted_run`, rather than losing an interrupted run silently.
        WorkspaceError: `system_file_edited`, if what is to be continued is not what training wrote.
    """
    if not ctx.settings.process:
        drop_incomplete(folder / "checkpoints")
    checkpoint = last_checkpoint(folder / "checkpoints")
    if checkpoint is None:
        return None
    if ctx.resume:
        require_unedited_checkpoint(ctx.project, checkpoint)
        step = step_of(checkpoint)
        ctx.emit("training_resumed", f"continuing from step {step}", {"step": step})
        ctx.progress.note(f"continuing from step {step:,}")
        return checkpoint
    if not ctx.force:
        raise StageError(
            f"this run was interrupted after step {step_of(checkpoint)}",
            where=str(checkpoint),
            next_command="narrowcast train --resume, or the same command with --force to start over",
            reason_code="training_interrupted_run",
        )
    if ctx.settings.process:
        return None  # the first process clears the folder
    ctx.progress.note(f"starting over; the checkpoint at step {step_of(checkpoint)} is removed")
    shutil.rmtree(folder)
    return None
