"""Measured, gated, compared: trained or exported models against the baselines, on held-out rows."""

from __future__ import annotations

import math
import shlex

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.evaluation.conclude import Training
from narrowcast.evaluation.inputs import (
    MeasureInputs,
    current_reference,
    measure_inputs,
    measured_baselines,
    unmeasured_baselines,
)
from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.models.predictors.load import trained_run
from narrowcast.store.datasets import load_manifest
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
    inputs = measure_inputs(ctx, manifest, options, models, against, options.gates)
    if options.against is None:
        inputs.unmeasured = unmeasured_baselines(ctx, manifest.version)
    inputs.training = {each: training for each in models if (training := _training(each, ctx)) is not None}
    inputs.twins = {each: twin for each in models if (twin := _twin(each, ctx)) in against and twin}
    return inputs


def _twin(model: ModelRef, ctx: StageContext) -> ModelRef | None:
    """The baseline that is the same model as a run: of the same kind, fitted to all train rows."""
    from narrowcast.models.classifiers.recipe import baseline_of
    from narrowcast.models.loading import read_run_manifest

    if model.name != "run":
        return None
    run = read_run_manifest(ctx.project, model.argument)
    if run.method != "linear" or run.drawn:
        return None
    name = baseline_of(run.recipe["features"], run.recipe["classifier"])
    argument = f":{run.base.name}" if "encoder" in run.recipe["features"] else ""
    return ModelRef(f"{name}{argument}") if name else None


def _training(model: ModelRef, ctx: StageContext) -> Training | None:
    from narrowcast.models.loading import read_run_manifest

    run_id = trained_run(model, ctx.project)
    if run_id is None or not ctx.project.run_manifest(run_id).is_file():
        return None
    run = read_run_manifest(ctx.project, run_id)
    epochs, steps = _default_schedule(run, ctx)
    return Training(run.steps, epochs * steps, epochs, _options_of(run), quick=bool(run.drawn))


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


def _options_of(run: RunManifest) -> str:
    """Options of `narrowcast train` for a model of the same method on the same base."""
    base = ["--base", shlex.quote(run.base.name)]
    if not run.is_classifier:
        return " ".join(base)
    words = ["--method", run.method]
    if run.method == "linear":
        features = run.recipe["features"]
        words += ["--features", ",".join(features), "--classifier", run.recipe["classifier"]]
        base = base if "encoder" in features else []
    return " ".join([*words, *base])


STAGE = measuring_stage("evaluate", EvaluateOptions, read_inputs, command="eval")
