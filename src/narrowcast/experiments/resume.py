"""What `narrowcast train --resume` continues: an interrupted run, with the options that it began with."""

from __future__ import annotations

from narrowcast.core.work import Work
from narrowcast.errors import NarrowcastError, StageError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.experiments.train_words import train_words
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE, Options
from narrowcast.store.first_command import before_run
from narrowcast.training.outputs.interrupted import InterruptedRun, interrupted_runs

_CODE = "training_nothing_to_resume"
_CHANGED = "the prepared rows, the task or the base model have changed"


def runs_to_resume(project: Project, work: Work | None = None) -> list[InterruptedRun]:
    """Every run that has not ended, the last one in front, each with what keeps it from being continued."""
    runs = interrupted_runs(project.paths)
    for run in runs:
        if run.resumable:
            run.obstacle = _obstacle(project, run, Options.model_validate(run.options), work)
    return runs


def options_to_resume(project: Project, request: TrainRequest, work: Work | None = None) -> Options:
    """The options of the interrupted run that a request means: the last one that its own options fit.

    Options that change no weight may differ from those it began with. A run that cannot be
    continued is passed over.

    Raises:
        StageError: if there is none; says what keeps the last one from being continued.
    """
    runs, refused = interrupted_runs(project.paths), list[InterruptedRun]()
    for run in runs:
        began = Options.model_validate(run.options)
        options = Options.model_validate({**run.options, **request.options})
        if options.identity() != began.identity():
            continue
        if run.resumable:
            run.obstacle = _obstacle(project, run, options, work)
        if run.resumable:
            return options
        refused.append(run)
    raise _nothing_to_resume(project, runs, refused)


def _obstacle(project: Project, run: InterruptedRun, options: Options, work: Work | None) -> str:
    """What would make another run of it; empty where nothing does."""
    try:
        planned = project.runner(work).plan(STAGE, options)
    except NarrowcastError as error:
        return str(error)
    return "" if planned.run_id == run.run_id else _CHANGED


def _again(run: InterruptedRun) -> str:
    """What begins it anew."""
    options = Options.model_validate(run.options)
    return train_words(options.model_dump(mode="json", include=options.chosen))


def _nothing_to_resume(
    project: Project, runs: list[InterruptedRun], refused: list[InterruptedRun]
) -> StageError:
    if not runs:
        what = "there is nothing to resume: no training run was interrupted"
        return StageError(what, next_command=before_run(project.paths), reason_code=_CODE)
    if not refused:
        return StageError(
            "no interrupted run was started with these options",
            where=", ".join(run.run_id for run in runs),
            next_command="narrowcast train --resume, without options, continues the last one",
            reason_code=_CODE,
        )
    run = refused[0]
    if run.process:
        return StageError(
            f"there is nothing to resume: {run.run_id} is running",
            where=f"process {run.process}",
            next_command="narrowcast status",
            reason_code=_CODE,
        )
    return StageError(
        f"{run.run_id} cannot be resumed: {run.obstacle}",
        where=f"it was trained on data set {run.dataset_version[:12]}",
        next_command=f"narrowcast runs discard {run.run_id}, then {_again(run)}",
        reason_code=_CODE,
    )
