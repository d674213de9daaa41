"""One training run: gate, setup, checkpoints, the trainer, what is saved."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from narrowcast.core.progress import NullProgress
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.errors import CancelledError, StageError
from narrowcast.stages.train.contract import Inputs, TrainResult
from narrowcast.store.files import disk_errors
from narrowcast.store.runs import note_finished, note_unfinished
from narrowcast.training.checks.baseline import require_baseline
from narrowcast.training.checks.overfitting import kept_losses, warn_of_overfitting
from narrowcast.training.options import Options
from narrowcast.training.outputs.checkpoints import peak_rate
from narrowcast.training.outputs.interrupted import checkpoint_to_continue
from narrowcast.training.preflight.examine import admit, examine
from narrowcast.training.preflight.expected import settle
from narrowcast.training.setup import TrainingSetup, build_setup
from narrowcast.version import __version__


def train(inputs: Inputs, options: Options, ctx: StageContext) -> TrainResult:
    """Train, save, and say what was made.

    Raises:
        StageError: with one of the codes `training_*`; checkpoints that were whole stay.
        CancelledError: on request, with a checkpoint.
    """
    started = _now()
    if ctx.settings.process:
        ctx = replace(ctx, emit=_tell_nothing, progress=NullProgress())  # the first process tells
    setup = _admitted(inputs, options, ctx)
    _report_rejected(setup, ctx)
    folder = ctx.project.runs / ctx.run_id
    checkpoint = checkpoint_to_continue(folder, ctx)
    setup = _as_it_began(setup, options, checkpoint)

    from narrowcast.training.attempt import attempt
    from narrowcast.training.checks.forgetting import warn_of_forgetting
    from narrowcast.training.failures import outcome_of, training_failures
    from narrowcast.training.tracking.feeds import Tracking, tracked_run

    tracking = Tracking(ctx)
    try:
        with disk_errors(folder), training_failures(folder):
            folder.mkdir(parents=True, exist_ok=True)  # trackers may write to it
            _note(setup, options, ctx, started)
            run = tracked_run(folder, ctx, _parameters(setup, options))
            tracking.begin([] if ctx.settings.process else options.track, run, resume=ctx.resume)
            session, setup, peak = attempt(setup, options, ctx, folder, checkpoint, tracking)
            _raise_if_stopped(session.stopped, folder)
            manifest = _manifest(setup, options, ctx, session, started)
            seconds, steps = session.seconds, session.steps
            manifest.forecast = settle(folder, ctx, seconds=seconds, peak_bytes=peak, steps=steps)
            saved = manifest if ctx.settings.process else session.save(manifest)
            note_finished(ctx.project, ctx.run_id)
    except BaseException as error:
        tracking.close(outcome_of(error))
        raise
    tracked = tracking.close("finished", _final_figures(saved), {"weights_sha256": saved.weights_sha256})
    overfit = warn_of_overfitting(kept_losses(saved), ctx)
    warn_of_forgetting(saved.forgetting, ctx)
    result = _result(saved, setup, folder, ctx)
    return result.model_copy(update={"overfit": overfit, "tracking": tracked})


def _admitted(inputs: Inputs, options: Options, ctx: StageContext) -> TrainingSetup:
    """The setup of a run that preflight, or at least the gate of the baseline, lets begin."""
    if options.preflight == "off":
        require_baseline(inputs.dataset_version, ctx)
        return build_setup(options, ctx)
    setup = admit(examine(options, ctx), options, ctx)
    if ctx.force:
        require_baseline(inputs.dataset_version, ctx)  # forced past it, which is an event
    return setup


def _as_it_began(setup: TrainingSetup, options: Options, checkpoint: Path | None) -> TrainingSetup:
    """A run that continues keeps the rate it began with, where another version has another default."""
    if checkpoint is None or options.learning_rate is not None:
        return setup
    rate, recipe = peak_rate(checkpoint), setup.recipe
    if rate == recipe.learning_rate:
        return setup
    reasons = {**recipe.reasons, "learning_rate": "as the run began"}
    return replace(setup, recipe=recipe.model_copy(update={"learning_rate": rate, "reasons": reasons}))


def _note(setup: TrainingSetup, options: Options, ctx: StageContext, started: str) -> None:
    """What `narrowcast train --resume` needs; a trial of a search is continued by its search alone."""
    if ctx.settings.process or ctx.watch is not None:
        return
    note = {
        "base": setup.base.name,
        "method": setup.recipe.method,
        "dataset_version": setup.manifest.version,
        "steps": setup.steps,
        "started": started,
        "options": options.model_dump(mode="json"),
    }
    note_unfinished(ctx.project, ctx.run_id, note)


def _report_rejected(setup: TrainingSetup, ctx: StageContext) -> None:
    for split, rows in (("train", setup.train), ("dev", setup.dev)):
        if rows.rejected:
            counts = ", ".join(f"{count} {reason}" for reason, count in rows.rejected.items())
            message = f"{split}: left out {counts} (longest allowed: {setup.recipe.max_length} tokens)"
            ctx.progress.note(message)
            examples = {reason: ids[:20] for reason, ids in rows.rejected_ids.items()}
            ctx.emit("training_rows_truncated", message, {"rejected": rows.rejected, "examples": examples})


def _raise_if_stopped(stopped: str, folder: Path) -> None:
    if stopped == "cancelled":
        raise CancelledError(
            "training was stopped; a checkpoint was written",
            where=str(folder / "checkpoints"),
            next_command="narrowcast train --resume",
            reason_code="training_cancelled",
        )
    if stopped == "pruned":
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # nobody continues from them
        raise StageError(
            "the run was stopped early, because it was below the median of earlier trials",
            where=str(folder),
            next_command="the same command again, which continues without it",
            reason_code="training_pruned",
        )
    if stopped == "timeout":
        raise StageError(
            "training reached its time limit; a checkpoint was written",
            where=str(folder / "checkpoints"),
            next_command="narrowcast train --resume",
            reason_code="training_timeout",
        )


def _manifest(
    setup: TrainingSetup, options: Options, ctx: StageContext, session: Any, started: str
) -> RunManifest:
    from narrowcast.training.outputs.saved_run import environment, template_sha256

    rejected = sum(setup.train.rejected.values())
    return RunManifest(
        run_id=ctx.run_id,
        method=setup.recipe.method,
        method_reason=setup.recipe.reasons.get("method", "asked for"),
        base=setup.base.record(),
        dataset_version=setup.manifest.version,
        recipe={**_recipe(setup, options), "reasons": setup.recipe.reasons},
        seed=options.seed,
        rows={"train": len(setup.train.rows), "rejected": rejected, "dev": len(setup.dev.rows)},
        tokens={"all": setup.train.tokens, "loss": setup.train.loss_tokens},
        steps=session.steps,
        seconds=round(session.seconds, 2),
        tokens_per_second=round(session.tokens / max(session.seconds, 1e-9), 1),
        losses=session.losses(),
        selection=session.selection(),
        weights_dtype=session.weights_dtype,
        weights_sha256="",
        chat_template_sha256=template_sha256(setup.tokenizer),
        code_version=__version__,
        environment=environment() | {"processes": str(ctx.settings.processes)},
        started=started,
        finished=_now(),
        forgetting=session.forgetting,
        drawn=setup.drawn,
    )


def _recipe(setup: TrainingSetup, options: Options) -> dict[str, Any]:
    """Every option after defaults were filled in."""
    return {
        **options.model_dump(mode="json"),
        **setup.recipe.model_dump(mode="json", exclude={"reasons"}),
    }


def _parameters(setup: TrainingSetup, options: Options) -> dict[str, Any]:
    """What a tracker receives before a run begins."""
    return {
        **_recipe(setup, options),
        "base": setup.base.name,
        "base_fingerprint": setup.base.fingerprint,
        "dataset_version": setup.manifest.version,
        "rows": len(setup.train.rows),
        "code_version": __version__,
    }


def _final_figures(saved: RunManifest) -> dict[str, float]:
    """What a tracker receives when a run has finished."""
    losses = {f"{name}_loss": value for name, value in saved.losses.items()}
    general = {f"general_{name}": value for name, value in saved.forgetting.items()}
    return {**losses, **general, "total_seconds": saved.seconds}


def _result(saved: RunManifest, setup: TrainingSetup, folder: Path, ctx: StageContext) -> TrainResult:
    final = saved.losses["final_train"]
    path = ctx.project.relative(ctx.project.adapters / ctx.run_id)
    return TrainResult(
        artifacts=[f"{path}/run.json"],
        ledger=setup.train.ledger("train"),
        summary=f"{saved.run_id}: {saved.method} of {saved.base.name}, {saved.steps:,} steps in "
        f"{saved.seconds:,.0f} s, loss {final:.4f}{f'; quick run: {saved.drawn}' if saved.drawn else ''}",
        payload={
            "experiment_id": saved.run_id,
            "backend": saved.environment["device"],
            "final_train_loss": final,
            "dataset_version": saved.dataset_version,
            "weights_sha256": saved.weights_sha256,
            **({"quick_run": saved.drawn} if saved.drawn else {}),
        },
        run_id=saved.run_id,
        path=path,
        base=saved.base.name,
        method=saved.method,
        trace=ctx.project.relative(folder / "trace.csv"),
        final_train_loss=final,
        dev_loss=saved.losses.get("dev"),
        dataset_version=saved.dataset_version,
        weights_sha256=saved.weights_sha256,
        seconds=saved.seconds,
        tokens_per_second=saved.tokens_per_second,
        forgetting=saved.forgetting,
        drawn=saved.drawn,
        shortened=setup.shortened,
    )


def _tell_nothing(reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
    """Events of a process that is not the first of several."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
