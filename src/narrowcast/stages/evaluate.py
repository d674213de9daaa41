"""Measured, gated, compared: trained or exported models against the baselines, on held-out rows."""

from __future__ import annotations

from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.evaluation.inputs import MeasureInputs, current_reference, measure_inputs, measured_baselines
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.reasons import StageName

__all__ = ["STAGE", "EvaluateOptions", "MeasureResult"]


def read_inputs(options: EvaluateOptions, ctx: StageContext) -> MeasureInputs:
    """The models named, or the newest trained run; compared with the last baselines.

    Raises:
        DataError: where no data set was prepared.
        StageError: where nothing was trained and no model was named.
        ModelError: where a model is not there.
    """
    models = options.models or [current_reference(ctx.project)]
    against = measured_baselines(ctx.project) if options.against is None else options.against
    return measure_inputs(ctx, options, models, against)


def _run(inputs: MeasureInputs, options: EvaluateOptions, ctx: StageContext) -> MeasureResult:
    from narrowcast.evaluation.run import run  # reading Options for --help must stay cheap

    return run(inputs, options, ctx, options.gates)


STAGE = StageDefinition(
    name="evaluate",
    event_stage=StageName.EVAL,
    options=EvaluateOptions,
    result=MeasureResult,
    read_inputs=read_inputs,
    run=_run,
    success_code="eval_run",
    failure_code="eval_runtime_error",
    command="eval",
)
