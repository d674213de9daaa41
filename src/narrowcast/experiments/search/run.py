"""The search itself: point after point, each an ordinary training run, scored on dev rows alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.concerns import TRAINING
from narrowcast.core.progress import CancelToken
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError
from narrowcast.experiments.measured_run import RunSetup, measured_run, run_id_of
from narrowcast.experiments.requests import SearchRequest
from narrowcast.experiments.search.plan import SearchPlan, plan_search
from narrowcast.experiments.search.report import report
from narrowcast.experiments.search.result import SearchResult, Trial, ranked
from narrowcast.experiments.search.retention import drop_losers
from narrowcast.pipeline.project import Project
from narrowcast.plugins.optional import require
from narrowcast.reasons import StageName
from narrowcast.stages.train import STAGE
from narrowcast.store.stage_records import set_current

if TYPE_CHECKING:
    import optuna

    from narrowcast.experiments.search.study import Study

# Outcomes that belong to the point that was tried; any other error ends the search.
_OF_THE_POINT = {"training_diverged", "training_oom", "training_runtime_error"}
_FAILURES = 3  # after this many failed trials and no finished one, the points are not the cause


class Deadline(CancelToken):
    """Asks the work to stop when the user does, or when the time is up."""

    def __init__(self, outer: CancelToken, minutes: float | None) -> None:
        super().__init__()
        self._outer = outer
        self._limit = None if minutes is None else time.monotonic() + 60 * minutes

    def passed(self) -> bool:
        """The time is up."""
        return self._limit is not None and time.monotonic() >= self._limit

    @property
    def requested(self) -> bool:
        """Whether to stop."""
        return self._outer.requested or self.passed()


class SearchPreview(BaseModel):
    """What a dry run of a search says."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    study: str
    space: dict[str, dict[str, Any]]
    """Option to its range."""
    first_trial: dict[str, Any]
    """Options of the first trial."""
    trials: int
    done: int
    """Trials that have finished."""


def preview_search(project: Project, request: SearchRequest, work: Work | None = None) -> SearchPreview:  # noqa: ARG001 - the form of an operation
    """What `search` would do; nothing is trained and nothing written."""
    require("optuna", purpose="a search")
    from narrowcast.experiments.search.study import finished

    plan = plan_search(project, request)
    space = {name: each.model_dump(mode="json", exclude_defaults=True) for name, each in plan.space.items()}
    return SearchPreview(
        study=plan.study,
        space=space,
        first_trial=plan.options_of(plan.start()),
        trials=request.trials,
        done=finished(project.paths.searches / plan.study),
    )


def search(project: Project, request: SearchRequest, work: Work | None = None) -> SearchResult:
    """Try points until there are `trials` of them, or the time is up; a study that exists continues.

    The best run becomes the project's current one. When the time is up or the work is cancelled, the running
    trial stops with a checkpoint, from which it continues next time.

    Raises:
        UsageError: for what cannot be varied.
        StageError: nothing can be trained, whatever the point.
        CancelledError: on request; the study continues with the next call.
    """
    require("optuna", "torch", "sklearn", purpose="a search")
    from narrowcast.experiments.search.study import Study

    plan, trials, work = plan_search(project, request), request.trials, work or Work()
    deadline = Deadline(work.cancel, request.timeout)
    setup = RunSetup(Work(work.progress, deadline), request.dev_rows, request.force)
    folder = project.paths.searches / plan.study
    with project.lock("search", TRAINING):
        study = Study(folder, plan.space, plan.seed, plan.start())
        before = len(study.results())
        _emit(plan, "training_search_started", f"{before:,} of {trials:,} trials were done before", {})
        try:
            stopped = _try_points(plan, study, setup, trials, deadline)
        finally:
            best = ranked(_trials(study))
            current = best[0].run_id if best else None
            if current is not None:
                set_current(project.paths, STAGE.name, current)
        result = report(
            plan, _trials(study), asked=trials, stopped="timeout" if stopped else "", current=current
        )
        if request.keep == "front" and not stopped:
            result.dropped = drop_losers(plan, result.trials, result.best, result.front)
    _emit(plan, "training_search_finished", _sentence(result), _payload(result))
    return result


def _try_points(plan: SearchPlan, study: Study, setup: RunSetup, trials: int, deadline: Deadline) -> bool:
    """True where the time was up before the trials were done."""
    began, before = time.monotonic(), len(_trials(study))
    while len(done := _trials(study)) < trials:
        if deadline.passed():
            return True
        _say_what_is_left(setup.work, time.monotonic() - began, len(done) - before, trials - len(done))
        trial = study.next()
        try:
            result = _try_point(plan, study, trial, setup, trials)
        except CancelledError as error:
            if deadline.passed():
                return True
            raise CancelledError(
                f"the search was stopped in trial {trial.number}; it continues from there",
                where=str(plan.project.paths.searches / plan.study),
                next_command="the same command again",
                reason_code="training_cancelled",
            ) from error
        done.append(result)
        if len(done) == _FAILURES and all(each.state == "failed" for each in done):
            raise StageError(
                f"the first {_FAILURES} trials failed; the last one: {result.why}",
                where=result.run_id,
                next_command="narrowcast train --dry-run",
                reason_code="training_search_failed",
            )
    return False


def _say_what_is_left(work: Work, seconds: float, finished: int, left: int) -> None:
    """The time that is left, from the trials that this process has finished."""
    if not finished:
        work.progress.note(f"{left:,} trials: their time is unknown until the first has ended")
        return
    minutes = seconds / finished * left / 60
    trials = "1 trial" if finished == 1 else f"{finished:,} trials"
    work.progress.note(f"{left:,} trials left: about {minutes:,.1f} minutes, from {trials}")


def _try_point(plan: SearchPlan, study: Study, trial: optuna.Trial, setup: RunSetup, trials: int) -> Trial:
    """Train and measure one point, and keep its results."""
    options = plan.options_of(trial.params)
    run_id = run_id_of(plan.project, options)
    result = Trial(
        number=trial.number,
        state="complete",
        varied=plan.varied(options),
        options=options,
        run_id=run_id,
        made=not (plan.project.paths.adapters / run_id).exists(),
    )
    named = ", ".join(f"{name} {value}" for name, value in result.varied.items())
    setup.work.progress.note(f"trial {trial.number + 1} of {trials}: {named}")

    def watch(number: int, figures: Mapping[str, float]) -> bool:
        result.evaluations[number - 1 :] = [figures["eval_score"]]
        return study.prune(trial, number, figures["eval_score"])

    try:
        result.run = measured_run(plan.project, options, setup, watch)
    except StageError as error:
        if error.reason_code == "training_pruned":
            result.state, result.why = "pruned", f"below the median at evaluation {len(result.evaluations)}"
        elif error.reason_code in _OF_THE_POINT:
            result.state, result.why = "failed", f"{error.reason_code}: {error.what}"
        else:
            raise
    score = result.run.score.value if result.run else None
    study.finish(trial, result.model_dump(mode="json", exclude={"number", "front", "latency_ms"}), score)
    outcome = result.why if result.run is None else f"{result.run.metric} {result.run.score.value:.4f}"
    setup.work.progress.note(f"trial {trial.number + 1} of {trials}: {result.state}, {outcome}")
    _emit(
        plan,
        "training_search_trial",
        f"trial {trial.number}: {result.state}, {outcome}",
        result.model_dump(mode="json"),
    )
    return result


def _trials(study: Study) -> list[Trial]:
    return [Trial.model_validate(each) for each in study.results()]


def _sentence(found: SearchResult) -> str:
    states = [each.state for each in found.trials]
    counts = ", ".join(f"{states.count(state):,} {state}" for state in dict.fromkeys(states))
    return f"{found.study}: {counts or 'no trial finished'}; best: {found.current_run or 'none'}"


def _payload(found: SearchResult) -> dict[str, Any]:
    return found.model_dump(
        mode="json", include={"study", "asked", "stopped", "metric", "best", "front", "files"}
    )


def _emit(plan: SearchPlan, code: str, message: str, payload: dict[str, Any]) -> None:
    plan.project.trail.emit(
        StageName.TRAINING, code, message, payload={"study": plan.study, **payload}, run=payload.get("run_id")
    )
