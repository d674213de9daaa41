"""Baselines: what a fine-tune has to beat. They are yardsticks, so no gate judges them."""

from __future__ import annotations

from narrowcast.core.names import TaskProfile
from narrowcast.reasons import StageName
from narrowcast.core.stage import StageContext
from narrowcast.evaluation.inputs import MeasureInputs, measure_inputs
from narrowcast.evaluation.options import BaselineOptions
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.store.datasets import load_manifest


def read_inputs(options: BaselineOptions, ctx: StageContext) -> MeasureInputs:
    """The data set, and the base model's weights where a baseline needs them.

    Raises:
        DataError: where no data set was prepared.
        ModelError: where the base model is not there.
    """
    models = options.models or _suitable(load_manifest(ctx.project).task.profile)
    return measure_inputs(ctx, options, models)


def _suitable(profile: TaskProfile) -> list[str]:
    """No linear model writes free text, and only a language model finds one of two answers likelier."""
    if profile is TaskProfile.ALIGNMENT:
        return ["base", "base-few-shot"]
    if profile in (TaskProfile.CLASSIFICATION, TaskProfile.STRUCTURED_EXTRACTION):
        return ["majority", "tfidf", "base", "base-few-shot"]
    return ["majority", "base", "base-few-shot"]


STAGE = measuring_stage(
    "baseline",
    BaselineOptions,
    read_inputs,
    gates=lambda _: [],
    event_stage=StageName.BASELINE,
    success_code="baseline_run",
    failure_code="baseline_failed",
)
