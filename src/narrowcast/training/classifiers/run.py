"""One run that trains a classifier, a tagger or an extractor: gate, setup, fit, what is saved."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from narrowcast.core.ledger import StageLedger
from narrowcast.core.run import FinishedRun, RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.models.shipped import Shipped, save_shipped, shipped_sha256
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import disk_errors, write_json
from narrowcast.store.runs import index_run, note_finished, note_unfinished
from narrowcast.store.seals import sealed_folder
from narrowcast.training.checks.baseline import require_baseline
from narrowcast.training.classifiers.head import HEADS, LINEAR
from narrowcast.training.classifiers.setup import ClassifierSetup, build_classifier_setup
from narrowcast.training.failures import training_failures
from narrowcast.training.options import Options
from narrowcast.training.outputs.interrupted import checkpoint_to_continue
from narrowcast.training.preflight.examine import admit, examine_classifier
from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.models.encoders.encoder import Encoder


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What training made.

    Attributes:
        encoder: gives the vectors or states; None where none are wanted.
        steps: of the optimizer; 0 where there is none.
        losses: of the train rows in the last epoch and of the dev rows, nats per row or word.
        seconds_before: that earlier processes of the run took.
    """

    model: Shipped
    encoder: Encoder | None
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    seconds_before: float = 0.0


def train_classifier(options: Options, ctx: StageContext) -> tuple[RunManifest, StageLedger]:
    """Train a classifier on the train rows and save it as a run.

    Raises:
        StageError: with one of the codes `training_*`.
        ModelError: if the encoder is not on this machine.
        CancelledError: on request; of a fine-tuned encoder the checkpoint of the last whole epoch stays.
    """
    started, began = _now(), time.perf_counter()
    setup = _admitted(options, ctx)
    _report_unlearnable(setup, ctx)
    folder = ctx.project.runs / ctx.run_id
    checkpoint_to_continue(folder, ctx)
    with disk_errors(folder), training_failures(folder):
        fitted = _tuned(setup, options, ctx, started) if setup.tuning else _linear(setup, options, ctx)
        manifest = _manifest(setup, options, ctx, fitted, time.perf_counter() - began, started)
        saved = _save(manifest, fitted, ctx)
    note_finished(ctx.project, ctx.run_id)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return saved, setup.ledger


def _admitted(options: Options, ctx: StageContext) -> ClassifierSetup:
    """The setup of a run that preflight, or at least the gate of the baseline, lets begin."""
    if options.preflight == "off":
        require_baseline(load_manifest(ctx.project).version, ctx)
        return build_classifier_setup(options, ctx)
    setup = admit(examine_classifier(options, ctx), options, ctx)
    if ctx.force:
        require_baseline(setup.manifest.version, ctx)  # forced past it, which is an event
    return setup


def _report_unlearnable(setup: ClassifierSetup, ctx: StageContext) -> None:
    if setup.unlearnable:
        counts = Counter(setup.unlearnable.values())
        message = f"train: left out {', '.join(f'{count:,} {reason}' for reason, count in counts.items())}"
        ctx.progress.note(message)
        examples = {
            reason: [row for row, why in setup.unlearnable.items() if why == reason][:20] for reason in counts
        }
        ctx.emit("training_spans_unlearnable", message, {"rejected": dict(counts), "examples": examples})


def _linear(setup: ClassifierSetup, options: Options, ctx: StageContext) -> _Fitted:
    from narrowcast.training.classifiers.fit import loaded_recipe

    recipe = loaded_recipe(setup, options, ctx)
    ctx.cancel.check(reason_code="training_cancelled")
    model, losses = LINEAR[setup.answer].fit(setup, recipe, ctx)
    return _Fitted(model, recipe.encoder, losses=losses)


def _tuned(setup: ClassifierSetup, options: Options, ctx: StageContext, started: str) -> _Fitted:
    """The encoder, trained with the head that the task's answers want."""
    assert setup.tuning is not None
    from narrowcast.training.classifiers.tune import Tuner

    head = HEADS[setup.answer].make(setup, options, ctx)
    tuner = Tuner(head, setup.tuning)
    note_unfinished(ctx.project, ctx.run_id, _note(setup, options, started))
    tuner.run(ctx.project.runs / ctx.run_id / "checkpoints", ctx)
    model, losses = head.finished(setup)
    losses = {"final_train": tuner.losses[-1], **losses}
    return _Fitted(model, head.encoder, tuner.steps, losses, tuner.seconds_before)


def _note(setup: ClassifierSetup, options: Options, started: str) -> dict[str, Any]:
    """What `narrowcast train --resume` needs."""
    return {
        "base": setup.encoder_name,
        "method": options.method,
        "dataset_version": setup.manifest.version,
        "steps": setup.steps,
        "started": started,
        "options": options.model_dump(mode="json"),
    }


def _manifest(
    setup: ClassifierSetup,
    options: Options,
    ctx: StageContext,
    fitted: _Fitted,
    seconds: float,
    started: str,
) -> RunManifest:
    return RunManifest(
        run_id=ctx.run_id,
        method="encoder" if setup.tuning else "linear",
        method_reason="asked for",
        base=setup.base(),
        dataset_version=setup.manifest.version,
        recipe=setup.recipe(options),
        seed=options.seed,
        rows={"train": len(setup.train), "rejected": len(setup.unlearnable), "dev": len(setup.dev)},
        tokens={},
        steps=fitted.steps,
        seconds=round(fitted.seconds_before + seconds, 2),
        tokens_per_second=0.0,
        losses=fitted.losses,
        weights_dtype="float32",
        weights_sha256="",
        chat_template_sha256="",
        code_version=__version__,
        environment=_environment(setup),
        started=started,
        finished=_now(),
        drawn=setup.drawn,
    )


def _save(manifest: RunManifest, fitted: _Fitted, ctx: StageContext) -> RunManifest:
    from narrowcast.models.classifiers.files import OWN_ENCODER

    with sealed_folder(ctx.project.adapters / manifest.run_id, ctx.seal) as folder:
        save_shipped(folder, fitted.model)
        if manifest.method == "encoder" and fitted.encoder is not None:
            fitted.encoder.save(folder / OWN_ENCODER)
        written = manifest.model_copy(update={"weights_sha256": shipped_sha256(folder)})
        write_json(folder / "run.json", written.model_dump(mode="json"))
    index_run(ctx.project, FinishedRun.of(written))
    return written


def _environment(setup: ClassifierSetup) -> dict[str, str]:
    from narrowcast.training.outputs.saved_run import versions

    libraries = ["numpy", "scipy", "scikit-learn"]
    known = {"device": "cpu", "processes": "1"}
    if setup.encoder is not None:
        import torch

        libraries += ["torch", "transformers", "tokenizers"]
        known["threads"] = str(torch.get_num_threads())
    return versions(libraries) | known


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
