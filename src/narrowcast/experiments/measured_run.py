"""One training run among others, measured on dev rows: what seeds and searches are made of.

It is an ordinary run: in the registry, with its record and its weights, so that it can be made the current
run, and is not trained twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.metric import MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.stage import Watch
from narrowcast.core.work import Work
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE, TrainResult
from narrowcast.stages.trial import STAGE as TRIAL


@dataclass(slots=True)
class RunSetup:
    """How runs are made and shown."""

    work: Work
    rows: int
    """Dev rows that a finished model is measured on, at most."""
    force: bool = False
    """Train without a baseline."""


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
    size_bytes: int | None
    """Of the weights, an adapter merged in."""
    seconds: float


def run_id_of(project: Project, overrides: dict[str, Any]) -> str:
    """The id a run with these options has."""
    return project.runner().plan(STAGE, stage_options(project, STAGE, overrides)).run_id


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
    options = EvaluateOptions.model_validate(
        {"models": [ModelRef.of_run(trained.run_id)], "split": "dev", "limit": setup.rows}
    )
    result = project.runner(setup.work).run(TRIAL, options).model
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
        size_bytes=result.size_bytes,
        seconds=trained.seconds,
    )
