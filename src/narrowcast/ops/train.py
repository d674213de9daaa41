"""Training, and the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.core.run import FinishedRun
from narrowcast.core.work import Work
from narrowcast.experiments.autopilot import with_choice
from narrowcast.experiments.requests import TrainRequest
from narrowcast.pipeline.execute import run_options
from narrowcast.pipeline.project import Project
from narrowcast.store.runs import finished_runs

if TYPE_CHECKING:
    from narrowcast.stages.train import TrainResult


def train(project: Project, request: TrainRequest | None = None, work: Work | None = None) -> TrainResult:
    """Train, or take the result of an equal run.

    Where work is cancelled, a checkpoint is written first.

    Raises:
        StageError: with one of the codes `training_*`.
        CancelledError: on request.
    """
    from narrowcast.stages.train import STAGE

    request = with_choice(project, request or TrainRequest())
    options = run_options(project, STAGE, request)
    return project.runner(work).run(STAGE, options, force=request.force, resume=request.resume)


def runs(project: Project) -> list[FinishedRun]:
    """Every finished run, oldest first."""
    return finished_runs(project.paths)
