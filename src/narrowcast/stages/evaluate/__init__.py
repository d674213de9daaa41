"""Measured, gated, compared: trained or exported models against the baselines, on held-out rows."""

from __future__ import annotations

from narrowcast.core.names import StageName
from narrowcast.stages.base import StageContext, StageDefinition
from narrowcast.stages.evaluate.inputs import MeasureInputs, measure_inputs, measured_baselines, newest_run
from narrowcast.stages.evaluate.options import EvaluateOptions
from narrowcast.stages.evaluate.result import MeasureResult
from narrowcast.store.workspace import ProjectPaths

__all__ = ["STAGE", "EvaluateOptions", "MeasureResult"]


def read_inputs(project: ProjectPaths, options: EvaluateOptions) -> MeasureInputs:
    """The models named, or the newest trained run; compared with the last baselines.

    Raises:
        DataError: where no data set was prepared.
        StageError: where nothing was trained and no model was named.
        ModelError: where a model is not there.
    """
    models = options.models or [newest_run(project)]
    against = measured_baselines(project) if options.against is None else options.against
    return measure_inputs(project, options, models, against)


def _run(inputs: MeasureInputs, options: EvaluateOptions, ctx: StageContext) -> MeasureResult:
    from narrowcast.stages.evaluate.run import run  # reading Options for --help must stay cheap

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
)
