"""Baselines: what a fine-tune has to beat. They are what a model is compared with, so no gate judges them."""

from __future__ import annotations

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.stage import StageContext
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import BaselineOptions
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import handler_for


def read_inputs(options: BaselineOptions, ctx: StageContext) -> MeasureInputs:
    """The data set, and the base model's weights where a baseline needs them.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if the base model is not there.
    """
    manifest = load_manifest(ctx.project)
    models = options.models or [ModelRef(name) for name in handler_for(manifest.task).baselines]
    return measure_inputs(ctx, manifest, options, models)


STAGE = measuring_stage(
    "baseline",
    BaselineOptions,
    read_inputs,
    event_stage=StageName.BASELINE,
    success_code="baseline_run",
    failure_code="baseline_failed",
)
