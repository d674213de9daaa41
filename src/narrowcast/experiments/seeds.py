"""The same training under several seeds: how much of a figure is luck."""

from __future__ import annotations

from statistics import mean, stdev

from pydantic import BaseModel, ConfigDict

from narrowcast.core.concerns import TRAINING
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.experiments.autopilot import with_choice
from narrowcast.experiments.measured_run import MeasuredRun, RunSetup, measured_runs
from narrowcast.experiments.requests import SeedsRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.plugins.optional import require
from narrowcast.reasons import StageName
from narrowcast.stages.train import STAGE
from narrowcast.store.stage_records import set_current


class Spread(BaseModel):
    """A figure over several seeds; `std` is the sample standard deviation."""

    mean: float
    std: float
    low: float
    high: float


class SeedsResult(BaseModel):
    """The runs and their spread."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    metric: str
    """The task's primary metric."""
    split: str = "dev"
    """The rows the runs were measured on; never test or golden ones."""
    n: int
    runs: list[MeasuredRun]
    score: Spread
    """Of `metric`."""
    train_loss: Spread | None
    """None where the method gives no probabilities."""
    dev_loss: Spread | None
    """None without dev losses."""
    seconds: float
    current_run: str
    """The run with the best score, which `narrowcast eval` and `narrowcast export` now take."""


def train_seeds(project: Project, request: SeedsRequest, work: Work | None = None) -> SeedsResult:
    """Train with as many seeds, from the one in the options on, and measure each on dev rows.

    A seed that has finished before is not trained again, an interrupted one continues. Where work is
    cancelled, a checkpoint is written first.

    Raises:
        UsageError: for fewer than two seeds.
        StageError: with one of the codes `training_*`.
        DataError: if there are no dev rows.
        CancelledError: on request.
    """
    seeds, work = request.seeds, work or Work()
    if seeds < 2:
        raise UsageError("a spread needs two seeds or more", where=f"--seeds {seeds}")
    require("torch", "sklearn", purpose="training under several seeds")
    given = with_choice(project, request).options
    first = stage_options(project, STAGE, given).seed
    setup = RunSetup(work, request.dev_rows, request.force)
    named = [(f"seed {seed}", {**given, "seed": seed}) for seed in range(first, first + seeds)]
    with project.lock("train", TRAINING):
        runs = measured_runs(project, named, setup)
        best = max(runs, key=lambda run: run.score.value)
        set_current(project.paths, STAGE.name, best.run_id)
    result = _summed_up(runs, best.run_id)
    message = f"{result.metric} {result.score.mean:.4f} ± {result.score.std:.4f} over {seeds} seeds"
    project.trail.emit(
        StageName.TRAINING, "training_seeds", message, payload=result.model_dump(mode="json"), run=best.run_id
    )
    return result


def _summed_up(runs: list[MeasuredRun], current: str) -> SeedsResult:
    return SeedsResult(
        metric=runs[0].metric,
        n=runs[0].n,
        runs=runs,
        score=_spread([run.score.value for run in runs]),
        train_loss=_spread_of([run.train_loss for run in runs]),
        dev_loss=_spread_of([run.dev_loss for run in runs]),
        seconds=sum(run.seconds for run in runs),
        current_run=current,
    )


def _spread_of(values: list[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return _spread(known) if len(known) == len(values) else None


def _spread(values: list[float]) -> Spread:
    return Spread(mean=mean(values), std=stdev(values), low=min(values), high=max(values))
