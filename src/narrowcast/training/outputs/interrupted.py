"""Training runs that were interrupted: what they were asked for, and how far they came."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.runs import unfinished_runs
from narrowcast.training.outputs.checkpoints import last_checkpoint, step_of


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
