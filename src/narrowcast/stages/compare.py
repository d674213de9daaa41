"""Two or more models on the same rows: the first against each other, without gates.

A stage of its own beside `evaluate`, so that a comparison never replaces the evaluation that an export
reads. It is no part of the pipeline.
"""

from __future__ import annotations

from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.reasons import StageName


def read_inputs(options: EvaluateOptions, ctx: StageContext) -> MeasureInputs:
    """The models named.

    Raises:
        DataError: where no data set was prepared.
        ModelError: where a model is not there.
    """
    return measure_inputs(ctx, options, options.models or [], options.against or [])


def _run(inputs: MeasureInputs, options: EvaluateOptions, ctx: StageContext) -> MeasureResult:
    from narrowcast.evaluation.run import run  # reading Options for --help must stay cheap

    return run(inputs, options, ctx, [])


STAGE = StageDefinition(
    name="compare",
    event_stage=StageName.EVAL,
    options=EvaluateOptions,
    result=MeasureResult,
    read_inputs=read_inputs,
    run=_run,
    success_code="eval_run",
    failure_code="eval_runtime_error",
)
