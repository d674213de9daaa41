"""One run that trains a classifier: gate, setup, fit, what is saved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from narrowcast.core.ledger import StageLedger
from narrowcast.core.run import FinishedRun, RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.models.classifiers.linear import UNSEEN, LinearClassifier
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import disk_errors, write_json
from narrowcast.store.runs import index_run, note_finished, note_unfinished
from narrowcast.store.seals import sealed_folder
from narrowcast.training.checks.baseline import require_baseline
from narrowcast.training.classifiers.setup import ClassifierSetup, build_classifier_setup
from narrowcast.training.failures import training_failures
from narrowcast.training.options import Options
from narrowcast.training.outputs.interrupted import checkpoint_to_continue
from narrowcast.training.preflight.examine import admit, examine_classifier
from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.models.classifiers.recipe import LinearRecipe
    from narrowcast.models.encoders.encoder import Encoder

_ENOUGH = 30  # dev rows to fit a temperature to


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What training made.

    Attributes:
        encoder: gives the vectors; None where none are wanted.
        steps: of the optimizer; 0 where there is none.
        losses: of the train rows in the last epoch and of the dev rows, nats per row.
    """

    classifier: LinearClassifier
    encoder: Encoder | None
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)


def train_classifier(options: Options, ctx: StageContext) -> tuple[RunManifest, StageLedger]:
    """Train a classifier on the train rows and save it as a run.

    Raises:
        StageError: with one of the codes `training_*`.
        ModelError: if the encoder is not on this machine.
        CancelledError: on request; of a fine-tuned encoder the checkpoint of the last whole epoch stays.
    """
    started, began = _now(), time.perf_counter()
    setup = _admitted(options, ctx)
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


def _linear(setup: ClassifierSetup, options: Options, ctx: StageContext) -> _Fitted:
    recipe = _recipe(setup, options, ctx)
    classifier = _fit(setup, recipe, ctx)
    losses = {}
    for name, pairs in (("final_train", setup.train), ("dev", setup.dev)):
        if pairs and not classifier.several and classifier.temperature is not None:
            losses[name] = _loss(
                classifier, _scores(classifier, recipe, pairs, known=pairs is setup.train), pairs
            )
    return _Fitted(classifier, recipe.encoder, losses=losses)


def _tuned(setup: ClassifierSetup, options: Options, ctx: StageContext, started: str) -> _Fitted:
    """The encoder, trained with a head that begins as the frozen encoder's."""
    assert setup.tuning is not None
    from narrowcast.training.classifiers.tune import Tuner

    recipe = _recipe(setup, options, ctx)
    assert recipe.encoder is not None
    texts = [pair.text for pair in setup.train]
    head = _fit(setup, recipe, ctx)
    tuner = Tuner(recipe.encoder, head, texts, _targets(head, setup.train), setup.tuning)
    note_unfinished(ctx.project, ctx.run_id, _note(setup, options, started))
    tuner.run(ctx.project.runs / ctx.run_id / "checkpoints", ctx)
    classifier, losses = tuner.classifier(temperature=1.0), {"final_train": tuner.losses[-1]}
    if setup.dev and not classifier.several:
        scores = _scores(classifier, recipe, setup.dev, known=False)
        if len(setup.dev) >= _ENOUGH:
            classifier = tuner.classifier(_temperature(classifier, scores, setup.dev))
        losses["dev"] = _loss(classifier, scores, setup.dev)
    return _Fitted(classifier, recipe.encoder, tuner.steps, losses)


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
    from narrowcast.models.predictors.linear_text import fit_closed

    ctx.cancel.check(reason_code="training_cancelled")
    ctx.progress.start(f"fitting a linear model on {len(setup.train):,} rows")
    return fit_closed(recipe, setup.train, Work(ctx.progress, ctx.cancel), several=setup.several)


def _scores(
    classifier: LinearClassifier, recipe: LinearRecipe, pairs: Sequence[TrainingPair], *, known: bool
) -> Any:
    """Of shape (rows, classes); the vectors of train rows are `known` where the encoder is unchanged."""
    from narrowcast.models.classifiers.features import train_vectors

    texts, encoder = [pair.text for pair in pairs], recipe.encoder
    if not known or encoder is None:
        return classifier.scores(texts, recipe.embed)
    return classifier.scores(texts, lambda each: train_vectors(encoder, each, recipe.shared))


def _loss(classifier: LinearClassifier, scores: Any, pairs: Sequence[TrainingPair]) -> float:
    """Mean of minus the log-probability of the right label, in nats per row."""
    table = classifier.log_probabilities(scores)
    assert table is not None
    column = {name: number for number, name in enumerate(classifier.classes)}
    right = [
        float(row[column[pair.target]]) if pair.target in column else UNSEEN
        for row, pair in zip(table, pairs, strict=True)
    ]
    return -sum(right) / len(right)


def _temperature(classifier: LinearClassifier, scores: Any, pairs: Sequence[TrainingPair]) -> float:
    """Fitted to the dev rows whose label the classifier knows."""
    from narrowcast.models.classifiers.calibrated_svm import fitted_temperature

    column = {name: number for number, name in enumerate(classifier.classes)}
    rows = [number for number, pair in enumerate(pairs) if pair.target in column]
    return fitted_temperature(scores[rows], [column[pairs[number].target] for number in rows])


def _targets(head: LinearClassifier, pairs: Sequence[TrainingPair]) -> Any:
    """By row the number of its class; where a row may have several, 0 or 1 for each class."""
    import json

    import torch

    column = {name: number for number, name in enumerate(head.classes)}
    if not head.several:
        return torch.tensor([column[pair.target] for pair in pairs])
    table = torch.zeros(len(pairs), len(column))
    for row, pair in enumerate(pairs):
        table[row, [column[label] for label in json.loads(pair.target)["labels"]]] = 1.0
    return table


def _note(setup: ClassifierSetup, options: Options, started: str) -> dict[str, Any]:
    """What `narrowcast train --resume` needs."""
    assert setup.tuning is not None
    return {
        "base": setup.encoder_name,
        "method": options.method,
        "dataset_version": setup.manifest.version,
        "steps": setup.tuning.steps(len(setup.train)),
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
        rows={"train": len(setup.train), "rejected": 0, "dev": len(setup.dev)},
        tokens={},
        steps=fitted.steps,
        seconds=round(seconds, 2),
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
    from narrowcast.models.classifiers.files import OWN_ENCODER, classifier_sha256, save_classifier

    with sealed_folder(ctx.project.adapters / manifest.run_id, ctx.seal) as folder:
        save_classifier(folder, fitted.classifier)
        if manifest.method == "encoder" and fitted.encoder is not None:
            fitted.encoder.save(folder / OWN_ENCODER)
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
