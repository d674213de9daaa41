"""Measured, gated, compared: trained or exported models against the baselines, on held-out rows."""

from __future__ import annotations

import math

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.evaluation.conclude import Training
from narrowcast.evaluation.inputs import (
    MeasureInputs,
    current_reference,
    measure_inputs,
    unmeasured_baselines,
)
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.models.predictors.load import trained_run
from narrowcast.store.baselines import measured_baselines
from narrowcast.store.datasets import load_manifest
from narrowcast.store.runs import current_run
from narrowcast.tasks import handler_for
from narrowcast.training.options import Options

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
    manifest = load_manifest(ctx.project)
    recorded = options.against is None
    inputs = measure_inputs(ctx, manifest, options, models, against, options.gates, recorded=recorded)
    if recorded:
        former = unmeasured_baselines(ctx, manifest.version)
        inputs.unmeasured += [each for each in former if each.model not in inputs.models]
    inputs.training = {each: training for each in models if (training := _training(each, ctx)) is not None}
    inputs.twins = {each: twin for each in models if (twin := _twin(each, manifest, ctx)) in against and twin}
    inputs.measured = measured_baselines(ctx.project, manifest.version)
    return inputs


def _twin(model: ModelRef, manifest: DatasetManifest, ctx: StageContext) -> ModelRef | None:
    """The baseline that is the same model as a run: of the same kind, fitted to all rows of this train split.

    One on an encoder is the same only while that encoder has the weights that the run was fitted on.
    """
    from narrowcast.models.classifiers.recipe import baseline_of
    from narrowcast.models.encoders.resolve import resolve_encoder
    from narrowcast.models.loading import read_run_manifest

    if model.name != "run":
        return None
    run = read_run_manifest(ctx.project, model.argument)
    if run.method != "linear" or run.drawn or run.dataset_version != manifest.version:
        return None
    name = baseline_of(run.recipe["features"], run.recipe["classifier"])
    if name is None or "encoder" not in run.recipe["features"]:
        return ModelRef(name) if name else None
    same = resolve_encoder(run.base.name, ctx.settings).fingerprint() == run.base.fingerprint
    return ModelRef(f"{name}:{run.base.name}") if same else None


def _training(model: ModelRef, ctx: StageContext) -> Training | None:
    from narrowcast.models.loading import read_run_manifest

    run_id = trained_run(model, ctx.project)
    if run_id is None or not ctx.project.run_manifest(run_id).is_file():
        return None
    run = read_run_manifest(ctx.project, run_id)
    epochs, steps = _default_schedule(run, ctx)
    has_base = run.method != "linear"
    current = current_run(ctx.project)
    export = "narrowcast export"
    if current is None or current.run_id != run_id:
        export = f"narrowcast export {run_id}"
    return Training(run.steps, epochs * steps, epochs, run.train_options, run.drawn, has_base, export)


def _default_schedule(run: RunManifest, ctx: StageContext) -> tuple[int, int]:
    """Epochs of a run by default, and updates in one; both 0 where nothing is trained by updates."""
    from narrowcast.training.classifiers.head import HEADS
    from narrowcast.training.classifiers.tuning import chosen_tuning
    from narrowcast.training.recipes.recipe import default_epochs

    rows, batch = run.rows.get("train", 0), run.recipe.get("batch_size", 0)
    if not rows or not batch or run.method == "linear":
        return 0, 0
    if run.method == "encoder":
        options = Options.model_validate({"method": "encoder", "batch_size": batch})
        head = HEADS.get(handler_for(load_manifest(ctx.project).task).answer)  # none: the task has changed
        epochs = chosen_tuning(options, rows, head.measured, {}).epochs if head else 0
        return epochs, math.ceil(rows / batch)
    return default_epochs(rows, batch), math.ceil(rows / batch)


STAGE = measuring_stage("evaluate", EvaluateOptions, read_inputs, command="eval")
