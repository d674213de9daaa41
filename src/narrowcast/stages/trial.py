"""Trained runs measured on dev rows, without gates and report: what experiments compare."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from narrowcast.core.concerns import MEASUREMENT
from narrowcast.core.stage import StageContext, StageDefinition, StageResult
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import Comparison, ModelResult
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest


class TrialOptions(EvaluateOptions):
    """How runs are measured."""

    alone: int = Field(0, ge=0)
    """Rows that the first run also answers one at a time, for the latency of such an answer."""

    def identity(self) -> dict[str, Any]:
        """Without `alone` where it is 0, so that keys of earlier versions hold."""
        values = super().identity()
        return values if self.alone else {name: each for name, each in values.items() if name != "alone"}


class TrialResult(StageResult):
    """The figures of the first run.

    Attributes:
        comparisons: of several runs: the best minus each other one, paired.
        alone_p50_ms: median of its answers that were asked for one at a time; None without such.
    """

    model: ModelResult
    comparisons: list[Comparison] = Field(default_factory=list)
    alone_p50_ms: float | None = None


def read_inputs(options: TrialOptions, ctx: StageContext) -> MeasureInputs:
    """The runs named in the options.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if weights of a run are not there.
    """
    return measure_inputs(ctx, load_manifest(ctx.project), options, options.models or [])


def run(inputs: MeasureInputs, options: TrialOptions, ctx: StageContext) -> TrialResult:
    """Measure the runs; see `narrowcast.evaluation.measure`."""
    from narrowcast.evaluation.alone import median_alone
    from narrowcast.evaluation.measure import measure

    measured = measure(inputs, options, ctx)
    model = measured.models[0].result
    value = model.metrics[model.primary]
    return TrialResult(
        artifacts=[model.predictions],
        summary=f"{model.model} {model.primary} {value.value:.3f} on {model.n:,} dev rows",
        payload={"model": model.model, model.primary: value.model_dump(), "split": model.split.value},
        model=model,
        comparisons=measured.comparisons,
        alone_p50_ms=median_alone(inputs, options, options.alone, ctx) if options.alone else None,
    )


STAGE = StageDefinition(
    name="trial",
    event_stage=StageName.EVAL,
    options=TrialOptions,
    result=TrialResult,
    read_inputs=read_inputs,
    run=run,
    success_code="eval_run",
    failure_code="eval_runtime_error",
    doing="measuring on dev rows",
    command="train --seeds",
    subject=lambda inputs, _: " ".join(inputs.models),
    holds=MEASUREMENT,
)
