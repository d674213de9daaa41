"""What `narrowcast train --resume` continues: an interrupted run, with the options that it began with."""

from __future__ import annotations

from narrowcast.core.work import Work
from narrowcast.errors import StageError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE, Options
from narrowcast.training.outputs.interrupted import InterruptedRun, interrupted_runs

_CODE = "training_nothing_to_resume"


def options_to_resume(project: Project, request: TrainRequest, work: Work | None = None) -> Options:
    """The options of the interrupted run that a request means: the last one that its own options fit.

    Options that change no weight may differ from those it began with.

    Raises:
        StageError: if there is none, or its rows are no longer those of the project.
    """
    runs = interrupted_runs(project.paths)
    for run in runs:
        began = Options.model_validate(run.options)
        options = Options.model_validate({**run.options, **request.options})
        if run.step and options.identity() == began.identity():
            _require_same_inputs(project, run, options, work)
            return options
    if not any(run.step for run in runs):
        what = f"{runs[0].run_id} has no checkpoint yet" if runs else "no training run was interrupted"
        raise StageError(
            f"there is nothing to resume: {what}", next_command="narrowcast train", reason_code=_CODE
        )
    raise StageError(
        "no interrupted run was started with these options",
        where=", ".join(run.run_id for run in runs if run.step),
        next_command="narrowcast train --resume, without options, continues the last one",
        reason_code=_CODE,
    )


def _require_same_inputs(project: Project, run: InterruptedRun, options: Options, work: Work | None) -> None:
    """Refuse to begin another run in the name of this one."""
    planned = project.runner(work).plan(STAGE, options)
    if planned.run_id != run.run_id:
        raise StageError(
            f"{run.run_id} cannot be resumed: the prepared rows, the task or the base model have changed",
            where=f"it was trained on data set {run.dataset_version[:12]}",
            next_command="narrowcast train",
            reason_code=_CODE,
        )
