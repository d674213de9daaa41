"""Two or more models on the same rows: the first against each other, without gates.

A separate stage from `evaluate`, so that a comparison never replaces the evaluation that an export
reads. It does not belong to the pipeline.
"""

from __future__ import annotations

from narrowcast.core.stage import StageContext
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.store.datasets import load_manifest


def read_inputs(options: EvaluateOptions, ctx: StageContext) -> MeasureInputs:
    """The models named.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if a model is not there.
    """
    return measure_inputs(
        ctx, load_manifest(ctx.project), options, options.models or [], options.against or []
    )


STAGE = measuring_stage("compare", EvaluateOptions, read_inputs)
