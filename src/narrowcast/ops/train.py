"""Training, and the list of runs."""

from __future__ import annotations

from narrowcast.core.concerns import Concern, holds
from narrowcast.core.run import FinishedRun
from narrowcast.core.work import Work
from narrowcast.errors import ModelError, UsageError
from narrowcast.experiments.autopilot import with_choice
from narrowcast.experiments.requests import TrainRequest
from narrowcast.experiments.resume import options_to_resume, runs_to_resume
from narrowcast.ops.requests import DiscardRequest
from narrowcast.pipeline.execute import run_options, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages import stage
from narrowcast.stages.train.contract import TrainResult
from narrowcast.store.runs import discard_unfinished, finished_runs
from narrowcast.training.outputs.interrupted import InterruptedRun, interrupted_runs


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
    stage_options(project, stage("export"))  # a mistake in them stops an export
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
    return runs_to_resume(project)


def discard(project: Project, request: DiscardRequest) -> InterruptedRun:
    """Remove what an interrupted run has left, so that nothing continues or lists it any more.

    Raises:
        ProjectBusyError: while a process trains.
        UsageError: if the run has finished.
        ModelError: if there is no such run.
    """
    with project.lock("runs discard", holds(Concern.TRAINING)):
        run = next((each for each in interrupted_runs(project.paths) if each.run_id == request.run), None)
        if run is None:
            raise _not_interrupted(project, request.run)
        discard_unfinished(project.paths, run.run_id)
        message = f"the interrupted run {run.run_id} was discarded, after {run.step:,} of {run.steps:,} steps"
        payload = {"experiment_id": run.run_id, "step": run.step, "steps": run.steps}
        project.trail.emit(StageName.TRAINING, "training_run_discarded", message, payload=payload)
        return run


def _not_interrupted(project: Project, run_id: str) -> UsageError | ModelError:
    if any(each.run_id == run_id for each in finished_runs(project.paths)):
        return UsageError(
            f"{run_id} has finished; only an interrupted run can be discarded",
            next_command=f"narrowcast runs show {run_id}",
        )
    return ModelError(
        f"no run {run_id!r} was interrupted",
        next_command="narrowcast runs",
        reason_code="model_adapter_missing",
    )
