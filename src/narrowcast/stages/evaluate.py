"""Measured, gated, compared: trained or exported models against the baselines, on held-out rows."""

from __future__ import annotations

from narrowcast.core.stage import StageContext
from narrowcast.evaluation.inputs import MeasureInputs, current_reference, measure_inputs, measured_baselines
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.evaluation.stage import measuring_stage

__all__ = ["STAGE", "EvaluateOptions", "MeasureResult"]


def read_inputs(options: EvaluateOptions, ctx: StageContext) -> MeasureInputs:
    """The models named, or the newest trained run; compared with the last baselines.

    Raises:
        DataError: if no data set was prepared.
        StageError: if nothing was trained and no model was named.
        ModelError: if a model is not there.
    """
    models = options.models or [current_reference(ctx.project)]
    against = measured_baselines(ctx.project) if options.against is None else options.against
    return measure_inputs(ctx, options, models, against, options.gates)


STAGE = measuring_stage("evaluate", EvaluateOptions, read_inputs, command="eval")
