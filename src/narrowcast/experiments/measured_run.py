"""One training run among others, measured on dev rows: what seeds, searches and tournaments are made of.

It is an ordinary run: in the registry, with its record and its weights, so that it can be made the current
run, and is not trained twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.metric import MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.core.stage import Watch
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError
from narrowcast.evaluation.result import Comparison
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE, TrainResult
from narrowcast.stages.trial import STAGE as TRIAL
from narrowcast.stages.trial import TrialOptions
from narrowcast.store.datasets import load_manifest
from narrowcast.store.runs import unfinished_runs


@dataclass(slots=True)
class RunSetup:
    """How runs are made and shown."""

    work: Work
    rows: int
    """Dev rows that a finished model is measured on, at most."""
    force: bool = False
    """Train without a baseline."""
    alone: int = 0
    """Dev rows that are also answered one at a time, for the latency of such an answer."""


class MeasuredRun(BaseModel):
    """A finished run with its figures on dev rows."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    base: str
    method: str
    seed: int
    metric: str
    """Name of the task's primary metric."""
    score: MetricValue
    """Its value, with a 95 % interval."""
    n: int
    """Dev rows it was measured on."""
    train_loss: float | None
    dev_loss: float | None
    """Of the weights that were kept; nats per completion token."""
    latency_p50_ms: float
    """Of an answer on this machine, batched."""
    alone_p50_ms: float | None = None
    """Of an answer that was asked for alone; None where that was not measured."""
    size_bytes: int | None
    """Of the weights, an adapter merged in."""
    seconds: float


def run_id_of(project: Project, overrides: dict[str, Any]) -> str:
    """The id a run with these options has."""
    return project.runner().plan(STAGE, stage_options(project, STAGE, overrides)).run_id


def has_begun(project: Project, overrides: dict[str, Any]) -> bool:
    """Whether a run with these options has finished, or begun and not ended."""
    run_id = run_id_of(project, overrides)
    return project.paths.run_manifest(run_id).is_file() or run_id in unfinished_runs(project.paths)


def require_dev_rows(project: Project, purpose: str) -> None:
    """Refuse a data set without dev rows: what is chosen on test rows cannot be tested on them.

    Raises:
        DataError: if nothing was prepared.
        StageError: `training_eval_missing`.
    """
    dev = load_manifest(project.paths).splits.get(Split.DEV)
    if dev is None or not dev.rows:
        raise StageError(
            f"there are no dev rows to {purpose}; test rows are never used for that",
            next_command="import more rows, then narrowcast prepare",
            reason_code="training_eval_missing",
        )


def measured_runs(
    project: Project, named: Sequence[tuple[str, dict[str, Any]]], setup: RunSetup
) -> list[MeasuredRun]:
    """Train and measure one after the other, as `measured_run` does.

    Args:
        project: whose lock the caller holds.
        named: what each is called, with its options.
        setup: of all.

    Raises:
        StageError: as `measured_run`.
        CancelledError: on request; it says which was stopped.
    """
    runs: list[MeasuredRun] = []
    for number, (name, options) in enumerate(named, 1):
        setup.work.progress.note(f"{name} ({number} of {len(named)})")
        try:
            runs.append(measured_run(project, options, setup))
        except CancelledError as error:
            raise CancelledError(
                f"stopped at {name}, after {len(runs)} of {len(named)} runs",
                where=error.where,
                next_command="the same command again, which continues from there",
                reason_code=error.reason_code,
            ) from error
    return runs


def compared(project: Project, run_ids: Sequence[str], setup: RunSetup) -> list[Comparison]:
    """The first of some measured runs, which has the best score, minus each other, on the same dev rows."""
    if len(run_ids) < 2:
        return []
    references = [ModelRef.of_run(each) for each in run_ids]
    options = TrialOptions.model_validate({"models": references, "split": "dev", "limit": setup.rows})
    return project.runner(setup.work).run(TRIAL, options).comparisons


def measured_run(
    project: Project, overrides: dict[str, Any], setup: RunSetup, watch: Watch | None = None
) -> MeasuredRun:
    """Train where no equal run has finished, then measure on dev rows; an interrupted run is continued.

    The caller holds the project's lock. Test and golden rows are not touched, and the current run stays.

    Raises:
        StageError: with one of the codes `training_*`; `training_pruned` where `watch` said so.
        CancelledError: on request, with a checkpoint.
    """
    options = stage_options(project, STAGE, overrides)
    runner = project.runner(setup.work)
    force = setup.force and bool(runner.plan(STAGE, options).stale_because)  # a finished run is taken
    trained = runner.run(STAGE, options, resume=True, force=force, make_current=False, watch=watch)
    return _measured(project, trained, options.seed, setup)


def _measured(project: Project, trained: TrainResult, seed: int, setup: RunSetup) -> MeasuredRun:
    models = [ModelRef.of_run(trained.run_id)]
    options = TrialOptions.model_validate(
        {"models": models, "split": "dev", "limit": setup.rows, "alone": setup.alone}
    )
    trial = project.runner(setup.work).run(TRIAL, options)
    result = trial.model
    return MeasuredRun(
        run_id=trained.run_id,
        base=trained.base,
        method=trained.method,
        seed=seed,
        metric=result.primary,
        score=result.metrics[result.primary],
        n=result.n,
        train_loss=trained.final_train_loss,
        dev_loss=trained.dev_loss,
        latency_p50_ms=result.speed.latency_p50_ms,
        alone_p50_ms=trial.alone_p50_ms,
        size_bytes=result.size_bytes,
        seconds=trained.seconds,
    )
