"""Training, and the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.core.run import FinishedRun
from narrowcast.core.work import Work
from narrowcast.experiments.autopilot import with_choice
from narrowcast.experiments.requests import TrainRequest
from narrowcast.experiments.resume import options_to_resume
from narrowcast.pipeline.execute import run_options
from narrowcast.pipeline.project import Project
from narrowcast.store.runs import finished_runs
from narrowcast.training.outputs.interrupted import InterruptedRun, interrupted_runs

if TYPE_CHECKING:
    from narrowcast.stages.train import TrainResult


def train(project: Project, request: TrainRequest | None = None, work: Work | None = None) -> TrainResult:
    """Train, or take the result of an equal run.

    Where work is cancelled, a checkpoint is written first. With `resume`, the interrupted run that began last
    and fits the request continues, with the options it began with.

    Raises:
        StageError: with one of the codes `training_*`; `training_nothing_to_resume` if none was interrupted.
        CancelledError: on request.
    """
    from narrowcast.stages.train import STAGE

    request = request or TrainRequest()
    if request.resume:
        options = options_to_resume(project, request, work)
    else:
        options = run_options(project, STAGE, with_choice(project, request))
    resume = request.resume or request.continue_
    return project.runner(work).run(STAGE, options, force=request.force, resume=resume)


def runs(project: Project) -> list[FinishedRun]:
    """Every finished run, oldest first."""
    return finished_runs(project.paths)


def interrupted(project: Project) -> list[InterruptedRun]:
    """Every run that began and did not end, the last one in front."""
    return interrupted_runs(project.paths)
