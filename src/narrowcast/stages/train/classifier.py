"""A run of a method that trains a classifier, as the stage returns it."""

from __future__ import annotations

from narrowcast.core.stage import StageContext
from narrowcast.stages.train.contract import TrainResult
from narrowcast.training.classifiers.run import train_classifier as fit
from narrowcast.training.options import Options


def train_classifier(options: Options, ctx: StageContext) -> TrainResult:
    """Train, save, and say what was made; raises what `training.classifiers.run` raises."""
    saved, ledger = fit(options, ctx)
    path = ctx.project.relative(ctx.project.adapters / saved.run_id)
    what = f"encoder {saved.base.name}, {saved.steps:,} steps"
    if saved.method == "linear":
        what = f"{saved.recipe['classifier']} on {', '.join(saved.recipe['features'])}"
    quick = f"; quick run: {saved.drawn}" if saved.drawn else ""
    return TrainResult(
        artifacts=[f"{path}/run.json"],
        ledger=ledger,
        summary=f"{saved.run_id}: {what} in {saved.seconds:,.0f} s{quick}",
        payload={
            "experiment_id": saved.run_id,
            "backend": "cpu",
            "final_train_loss": saved.losses.get("final_train"),
            "dataset_version": saved.dataset_version,
            "weights_sha256": saved.weights_sha256,
            **({"quick_run": saved.drawn} if saved.drawn else {}),
        },
        run_id=saved.run_id,
        path=path,
        base=saved.base.name,
        method=saved.method,
        trace="",
        final_train_loss=saved.losses.get("final_train"),
        dev_loss=saved.losses.get("dev"),
        dataset_version=saved.dataset_version,
        weights_sha256=saved.weights_sha256,
        seconds=saved.seconds,
        tokens_per_second=0.0,
        drawn=saved.drawn,
    )
