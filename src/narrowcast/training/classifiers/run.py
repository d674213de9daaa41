"""One run of the method `linear`: gate, setup, fit, what is saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from narrowcast.core.ledger import StageLedger
from narrowcast.core.run import FinishedRun, RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.models.classifiers.linear import UNSEEN, LinearClassifier
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import disk_errors, write_json
from narrowcast.store.runs import index_run
from narrowcast.store.seals import sealed_folder
from narrowcast.training.checks.baseline import require_baseline
from narrowcast.training.classifiers.setup import ClassifierSetup, build_classifier_setup
from narrowcast.training.options import Options
from narrowcast.training.preflight.examine import admit, examine_classifier
from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.models.classifiers.recipe import LinearRecipe


def train_classifier(options: Options, ctx: StageContext) -> tuple[RunManifest, StageLedger]:
    """Fit a classifier on the train rows and save it as a run.

    Raises:
        StageError: with one of the codes `training_*`.
        ModelError: if the encoder is not on this machine.
        CancelledError: on request; nothing is kept, for a fit takes seconds to minutes.
    """
    started, began = _now(), time.perf_counter()
    setup = _admitted(options, ctx)
    recipe = _recipe(setup, options, ctx)
    classifier = _fit(setup, recipe, ctx)
    losses = {
        name: loss
        for name, pairs in (("final_train", setup.train), ("dev", setup.dev))
        if (loss := _loss(classifier, recipe, pairs, setup)) is not None
    }
    manifest = _manifest(setup, options, ctx, losses, time.perf_counter() - began, started)
    return _save(manifest, classifier, ctx), setup.ledger


def _admitted(options: Options, ctx: StageContext) -> ClassifierSetup:
    """The setup of a run that preflight, or at least the gate of the baseline, lets begin."""
    if options.preflight == "off":
        require_baseline(load_manifest(ctx.project).version, ctx)
        return build_classifier_setup(options, ctx)
    setup = admit(examine_classifier(options, ctx), options, ctx)
    if ctx.force:
        require_baseline(setup.manifest.version, ctx)  # forced past it, which is an event
    return setup


def _recipe(setup: ClassifierSetup, options: Options, ctx: StageContext) -> LinearRecipe:
    """The unfitted model; vectors of the train rows are computed here, where progress can be shown."""
    from narrowcast.models.classifiers.features import train_vectors
    from narrowcast.models.classifiers.recipe import LinearRecipe

    if setup.encoder is None:
        return LinearRecipe(setup.features, setup.kind, options.seed)
    from narrowcast.models.encoders.encoder import Encoder

    encoder = Encoder(setup.encoder)
    recipe = LinearRecipe(setup.features, setup.kind, options.seed, encoder)
    texts = [pair.text for pair in setup.train]
    ctx.progress.start(f"vectors of {len(texts):,} train rows", len(texts))

    def advance(rows: int) -> None:
        ctx.cancel.check(reason_code="training_cancelled")
        ctx.progress.advance(rows)

    train_vectors(encoder, texts, recipe.shared, advance)
    return recipe


def _fit(setup: ClassifierSetup, recipe: LinearRecipe, ctx: StageContext) -> LinearClassifier:
    from narrowcast.core.work import Work
    from narrowcast.models.predictors.linear_text import fit_closed

    ctx.cancel.check(reason_code="training_cancelled")
    ctx.progress.start(f"fitting a linear model on {len(setup.train):,} rows")
    return fit_closed(recipe, setup.train, Work(ctx.progress, ctx.cancel), several=setup.several)


def _loss(
    classifier: LinearClassifier,
    recipe: LinearRecipe,
    pairs: Sequence[TrainingPair],
    setup: ClassifierSetup,
) -> float | None:
    """Mean of minus the log-probability of the right label, in nats per row; None without probabilities."""
    if not pairs or classifier.several or classifier.temperature is None:
        return None
    from narrowcast.models.classifiers.features import train_vectors

    texts = [pair.text for pair in pairs]
    known = pairs is setup.train and recipe.encoder is not None
    embed = (lambda _: train_vectors(recipe.encoder, texts, recipe.shared)) if known else recipe.embed  # type: ignore[arg-type]
    table = classifier.log_probabilities(classifier.scores(texts, embed))
    assert table is not None
    column = {name: number for number, name in enumerate(classifier.classes)}
    right = [
        float(row[column[pair.target]]) if pair.target in column else UNSEEN
        for row, pair in zip(table, pairs, strict=True)
    ]
    return -sum(right) / len(right)


def _manifest(
    setup: ClassifierSetup,
    options: Options,
    ctx: StageContext,
    losses: dict[str, float],
    seconds: float,
    started: str,
) -> RunManifest:
    return RunManifest(
        run_id=ctx.run_id,
        method="linear",
        method_reason="asked for",
        base=setup.base(),
        dataset_version=setup.manifest.version,
        recipe=setup.recipe(options),
        seed=options.seed,
        rows={"train": len(setup.train), "rejected": 0, "dev": len(setup.dev)},
        tokens={},
        steps=0,
        seconds=round(seconds, 2),
        tokens_per_second=0.0,
        losses=losses,
        weights_dtype="float32",
        weights_sha256="",
        chat_template_sha256="",
        code_version=__version__,
        environment=_environment(setup),
        started=started,
        finished=_now(),
        drawn=setup.drawn,
    )


def _save(manifest: RunManifest, classifier: LinearClassifier, ctx: StageContext) -> RunManifest:
    from narrowcast.models.classifiers.files import classifier_sha256, save_classifier

    target = ctx.project.adapters / manifest.run_id
    with disk_errors(target), sealed_folder(target, ctx.seal) as folder:
        save_classifier(folder, classifier)
        written = manifest.model_copy(update={"weights_sha256": classifier_sha256(folder)})
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
