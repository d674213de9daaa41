"""One trained run measured on dev rows, without gates, report or comparison: what experiments compare."""

from __future__ import annotations

from narrowcast.core.concerns import MEASUREMENT
from narrowcast.core.stage import StageContext, StageDefinition, StageResult
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import ModelResult
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest


class TrialResult(StageResult):
    """The figures of one run."""

    model: ModelResult


def read_inputs(options: EvaluateOptions, ctx: StageContext) -> MeasureInputs:
    """The run named first in the options, alone.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if the run's weights are not there.
    """
    return measure_inputs(ctx, load_manifest(ctx.project), options, (options.models or [])[:1])


def run(inputs: MeasureInputs, options: EvaluateOptions, ctx: StageContext) -> TrialResult:
    """Measure the run; see `narrowcast.evaluation.measure`."""
    from narrowcast.evaluation.measure import measure

    model = measure(inputs, options, ctx).models[0].result
    value = model.metrics[model.primary]
    return TrialResult(
        artifacts=[model.predictions],
        summary=f"{model.model} {model.primary} {value.value:.3f} on {model.n:,} dev rows",
        payload={"model": model.model, model.primary: value.model_dump(), "split": model.split.value},
        model=model,
    )


STAGE = StageDefinition(
    name="trial",
    event_stage=StageName.EVAL,
    options=EvaluateOptions,
    result=TrialResult,
    read_inputs=read_inputs,
    run=run,
    success_code="eval_run",
    failure_code="eval_runtime_error",
    command="train --seeds",
    subject=lambda inputs, _: next(iter(inputs.models)),
    holds=MEASUREMENT,
)
