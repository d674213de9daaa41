"""One training run among others, measured on dev rows: what seeds and searches are made of.

It is an ordinary run: in the registry, with its weights. Its stage record is kept beside the newest one, so
that it can be made the current run again, and is not trained twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from narrowcast.core.metric import MetricValue
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.ops.project import Project
from narrowcast.ops.stages import stage_options
from narrowcast.pipeline.plan import StageRecord, load_record, plan_stage, save_record
from narrowcast.stages import stage
from narrowcast.stages.base import StageContext, Watch
from narrowcast.stages.evaluate import EvaluateOptions
from narrowcast.store.files import read_json, write_json

if TYPE_CHECKING:
    from narrowcast.stages.train import Result


@dataclass(slots=True)
class Work:
    """How runs are made and shown.

    Attributes:
        rows: dev rows that a finished model is measured on, at most.
        force: train without a baseline.
    """

    progress: Progress
    cancel: CancelToken
    rows: int
    force: bool = False


class MeasuredRun(BaseModel):
    """A finished run with its figures on dev rows.

    Attributes:
        metric: name of the task's primary metric; `score` is its value with a 95 % interval.
        n: dev rows it was measured on.
        dev_loss: of the weights that were kept; nats per completion token.
        latency_p50_ms: of an answer on this machine, batched.
        size_bytes: of the weights, an adapter merged in.
    """

    run_id: str
    base: str
    method: str
    seed: int
    metric: str
    score: MetricValue
    n: int
    train_loss: float
    dev_loss: float | None
    latency_p50_ms: float
    size_bytes: int | None
    seconds: float


def run_id_of(project: Project, overrides: dict[str, Any]) -> str:
    """The id a run with these options has."""
    return plan_stage(stage("train"), stage_options(project, "train", overrides), project.paths).run_id


def measured_run(
    project: Project, overrides: dict[str, Any], work: Work, watch: Watch | None = None
) -> MeasuredRun:
    """Train where no equal run has finished, then measure on dev rows; an interrupted run goes on.

    The caller holds the project's lock. Test and golden rows are not touched.

    Raises:
        StageError: with one of the codes `training_*`; `training_pruned` where `watch` said so.
        CancelledError: on request, with a checkpoint.
    """
    options = stage_options(project, "train", overrides)
    planned = plan_stage(stage("train"), options, project.paths)
    if not restore(project, planned.run_id):
        runner = project.runner(work.progress, work.cancel, watch)
        runner.run(stage("train"), options, resume=True, force=work.force)
    record = load_record(project.paths, "train")
    assert record is not None
    write_json(project.paths.run_records / f"{record.run_id}.json", record.model_dump(mode="json"))
    return _measured(project, record, work)


def restore(project: Project, run_id: str) -> bool:
    """Make a finished run the current one; False where its record or its weights are gone."""
    path = project.paths.run_records / f"{run_id}.json"
    if not path.exists():
        return False
    record = StageRecord.model_validate(read_json(path))
    if any(not (project.paths.root / name).exists() for name in record.result["artifacts"]):
        return False
    save_record(project.paths, record)
    return True


def _measured(project: Project, record: StageRecord, work: Work) -> MeasuredRun:
    from narrowcast.stages.evaluate.inputs import measure_inputs
    from narrowcast.stages.evaluate.measure import measure

    trained = cast("Result", stage("train").result.model_validate(record.result))
    reference = f"run:{record.run_id}"
    options = EvaluateOptions.model_validate(
        {"models": [reference], "against": [], "gates": [], "split": "dev", "limit": work.rows}
    )
    context = StageContext(
        project.paths, project.settings, run_id=record.run_id, progress=work.progress, cancel=work.cancel
    )
    try:
        found = measure(measure_inputs(project.paths, options, [reference]), options, context, [])
    finally:
        work.progress.finish()
    result = found.models[0].result
    return MeasuredRun(
        run_id=record.run_id,
        base=trained.base,
        method=trained.method,
        seed=int(record.options["seed"]),
        metric=result.primary,
        score=result.metrics[result.primary],
        n=result.n,
        train_loss=trained.final_train_loss,
        dev_loss=trained.dev_loss,
        latency_p50_ms=result.speed.latency_p50_ms,
        size_bytes=result.size_bytes,
        seconds=trained.seconds,
    )
