"""Baselines: what a fine-tune has to beat. They are what a model is compared with, so no gate judges them."""

from __future__ import annotations

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.stage import StageContext
from narrowcast.evaluation.asking import baseline_command
from narrowcast.evaluation.inputs import MeasureInputs, known_baselines, measure_inputs, unmeasured_baselines
from narrowcast.evaluation.options import BaselineOptions
from narrowcast.evaluation.result import Unmeasured
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import handler_for

_RULES = "specs/rules.py"

# Measured only where what is better is not on this machine: on Banking77, 0.68 against 0.82.
_STAND_INS = {ModelRef("base-retrieval:tfidf"): ModelRef("base-retrieval:minilm")}


def read_inputs(options: BaselineOptions, ctx: StageContext) -> MeasureInputs:
    """The data set, and the base model's weights where a baseline needs them.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if the base model is not there.
    """
    manifest = load_manifest(ctx.project)
    if options.models:
        inputs = measure_inputs(ctx, manifest, options, options.models)
        former = unmeasured_baselines(ctx, manifest.version)
        inputs.unmeasured = [each for each in former if each.model not in inputs.models]
        return inputs
    models = [ModelRef(name) for name in handler_for(manifest.task).baselines]
    inputs = measure_inputs(ctx, manifest, options, models, skip_missing=True)
    for weaker, better in _STAND_INS.items():
        if better in inputs.models:
            inputs.models.pop(weaker, None)
    inputs.seconds = options.budget_minutes * 60
    known = known_baselines(ctx, manifest.version, inputs.models)
    inputs.unmeasured += [each for each in _on_request(options, ctx) if each.model not in known]
    return inputs


def _on_request(options: BaselineOptions, ctx: StageContext) -> list[Unmeasured]:
    """What only the user can have measured, where what it needs is there."""
    reasons = {}
    if (ctx.project.root / _RULES).is_file():
        reasons[ModelRef(f"rules:{_RULES}")] = "the code of a file is run only for who names it"
    if ctx.settings.teacher_url and ctx.settings.teacher_model:
        endpoint = ModelRef(f"endpoint:{ctx.settings.teacher_model}")
        reasons[endpoint] = "held-out rows are sent to an endpoint only for who asks for it"
    return [
        Unmeasured(model=model, reason=reason, command=baseline_command(model, options))
        for model, reason in reasons.items()
    ]


STAGE = measuring_stage(
    "baseline",
    BaselineOptions,
    read_inputs,
    event_stage=StageName.BASELINE,
    success_code="baseline_run",
    failure_code="baseline_failed",
)
