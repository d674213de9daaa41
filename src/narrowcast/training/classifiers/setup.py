"""Everything the training of a classifier needs: rendered rows, the encoder, what was left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.run import NO_BASE, BaseRecord
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.errors import ModelError, StageError
from narrowcast.models.catalogue import find_encoder
from narrowcast.models.classifiers.recipe import Feature, Kind
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.installed import source_of
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.plugins.optional import require
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import handler_for
from narrowcast.training.classifiers.tuning import Tuning, chosen_tuning
from narrowcast.training.options import Options
from narrowcast.training.setup import drawn_rows, split_examples

_DEFAULT_ENCODER = "minilm"
_LANGUAGE_MODEL = "embedded"  # the default base of the other methods


@dataclass(frozen=True, slots=True)
class ClassifierSetup:
    """What a run is made of.

    Attributes:
        features: what the classifier sees of a text.
        kind: of linear model.
        encoder: among the features, checked and not loaded; None where it is not among them.
        encoder_name: as it was asked for.
        reasons: option to why it has its value.
        drawn: of a quick run, which share of the train rows it sees.
        tuning: how the encoder is trained; None leaves it as it is.
    """

    manifest: DatasetManifest
    features: tuple[Feature, ...]
    kind: Kind
    encoder: EncoderFolder | None
    encoder_name: str
    train: list[TrainingPair]
    dev: list[TrainingPair]
    reasons: dict[str, str] = field(default_factory=dict)
    drawn: str = ""
    tuning: Tuning | None = None

    @property
    def several(self) -> bool:
        """An answer is a set of labels."""
        return handler_for(self.manifest.task).answer is AnswerKind.LABELS

    @property
    def ledger(self) -> StageLedger:
        """No row is too long for a classifier, so none is left out."""
        return StageLedger(stage="train", rows_in=len(self.train), rows_out=len(self.train))

    def base(self) -> BaseRecord:
        """What the run manifest says of the model it began from."""
        if self.encoder is None:
            return BaseRecord(
                name=NO_BASE, path="", fingerprint="", architecture="linear", parameters=0, context_length=0
            )
        entry, source = find_encoder(self.encoder_name), source_of(self.encoder.path)
        return BaseRecord(
            name=self.encoder_name,
            path=str(self.encoder.path),
            fingerprint=self.encoder.fingerprint(),
            architecture=self.encoder.architecture,
            parameters=self.encoder.parameters,
            context_length=self.encoder.longest,
            licence=source.licence if source else entry.licence if entry else "",
            note=source.note if source else "",
        )

    def recipe(self, options: Options) -> dict[str, Any]:
        """What decides the weights, after what was open was filled in."""
        given = options.model_dump(mode="json", include={"method", "seed", "rows", "preflight"})
        base = {"base": self.encoder_name if self.encoder else _LANGUAGE_MODEL}
        if self.tuning is None:
            own: dict[str, Any] = {"features": list(self.features), "classifier": self.kind}
        else:
            names = ("warmup_ratio", "weight_decay", "max_grad_norm", "batch_size")
            own = options.model_dump(mode="json", include=set(names))
            own |= {"epochs": self.tuning.epochs, "learning_rate": self.tuning.rate}
        return {**given, **base, **own, "reasons": self.reasons}


def build_classifier_setup(options: Options, ctx: StageContext) -> ClassifierSetup:
    """Read and render the rows, and fill in what was left open.

    Only the train and dev splits are read.

    Raises:
        StageError: for a task whose answers no classifier gives.
        ModelError: if the encoder is not on this machine.
    """
    require("sklearn", "safetensors", purpose="training a classifier")
    manifest = load_manifest(ctx.project)
    require_closed_labels(manifest.task)
    reasons: dict[str, str] = {}
    features, encoder = chosen_features(options, ctx.settings, reasons)
    kind = _kind(options, features, reasons)
    train, drawn = drawn_rows(split_examples(ctx, manifest, Split.TRAIN), options)
    tuned = options.method == "encoder"
    return ClassifierSetup(
        manifest=manifest,
        features=features,
        kind=kind,
        encoder=encoder,
        encoder_name=encoder_name(options),
        train=_pairs(manifest.task, train),
        dev=_pairs(manifest.task, split_examples(ctx, manifest, Split.DEV)),
        reasons=reasons,
        drawn=drawn,
        tuning=chosen_tuning(options, len(train), reasons) if tuned else None,
    )


def require_closed_labels(task: TaskSpec) -> None:
    """Refuse tasks whose answers are not labels.

    Raises:
        StageError: `training_method_unsuited`.
    """
    answer = handler_for(task).answer
    if answer is AnswerKind.LABEL or answer is AnswerKind.LABELS:
        return
    raise StageError(
        f"a classifier chooses among labels, and the task {task.profile} has none",
        where="methods linear and encoder",
        next_command="narrowcast train --method auto, which trains a language model",
        reason_code="training_method_unsuited",
    )


def encoder_name(options: Options) -> str:
    """The encoder that the options name, or the default one."""
    return options.base if options.base != _LANGUAGE_MODEL else _DEFAULT_ENCODER


def chosen_features(
    options: Options, settings: Settings, reasons: dict[str, str]
) -> tuple[tuple[Feature, ...], EncoderFolder | None]:
    """What the classifier sees: as given, otherwise all there is on this machine.

    Raises:
        ModelError: if an encoder that was asked for is not on this machine.
    """
    if options.method == "encoder":
        return ("encoder",), resolve_encoder(encoder_name(options), settings)
    is_named = options.base != _LANGUAGE_MODEL or "encoder" in options.features
    if options.features:
        needed = "encoder" in options.features
        return tuple(options.features), resolve_encoder(encoder_name(options), settings) if needed else None
    try:
        encoder = resolve_encoder(encoder_name(options), settings)
    except ModelError as error:
        if is_named or error.reason_code != "model_not_downloaded":
            raise
        reasons["features"] = f"without an encoder: {error.next_command} brings one"
        return ("words", "characters"), None
    reasons["features"] = "all that there are, mostly better than each alone"
    return ("encoder", "words", "characters"), encoder


def _kind(options: Options, features: Sequence[str], reasons: dict[str, str]) -> Kind:
    if options.classifier != "auto":
        return options.classifier
    if set(features) == {"encoder"}:
        reasons["classifier"] = "vectors alone: logistic regression, whose probabilities are exact"
        return "logistic"
    reasons["classifier"] = "words or characters are among the features"
    return "svm"


def _pairs(task: TaskSpec, examples: Sequence[Example]) -> list[TrainingPair]:
    handler = handler_for(task)
    pairs = []
    for example in examples:
        *prompt, answer = handler.to_messages(example.inputs, example.target)
        pairs.append(TrainingPair(tuple(prompt), answer.content, example.group or ""))
    return pairs
