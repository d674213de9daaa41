"""Everything the training of a classifier or tagger needs: rendered rows, the encoder, what was left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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
from narrowcast.training.classifiers.head import HEADS, METHODS, HeadKind, LinearKind
from narrowcast.training.classifiers.tuning import Tuning, chosen_tuning
from narrowcast.training.options import Options
from narrowcast.training.setup import drawn_rows, split_examples

_DEFAULT_ENCODER = "minilm"
_LANGUAGE_MODEL = "embedded"  # the default base of the other methods

_ANSWERS = {"linear": "labels, fields or spans", "encoder": "labels or spans"}


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
        steps: of the optimizer; 0 where there is none.
        unlearnable: id of each row that is not among `train` to the reason.
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
    steps: int = 0
    unlearnable: dict[str, str] = field(default_factory=dict)

    @property
    def answer(self) -> AnswerKind:
        """What the task's answers are."""
        return handler_for(self.manifest.task).answer

    @property
    def several(self) -> bool:
        """An answer is a set of labels."""
        return self.answer is AnswerKind.LABELS

    @property
    def ledger(self) -> StageLedger:
        """No row is too long, so none is left out but for its spans."""
        rejected = dict(Counter(self.unlearnable.values()))
        kept = len(self.train)
        return StageLedger(
            stage="train", rows_in=kept + len(self.unlearnable), rows_out=kept, rejected=rejected
        )

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
    manifest = load_manifest(ctx.project)
    answer = require_suited(manifest.task, options)
    trains = METHODS[options.method][answer]
    require(*trains.packages, "safetensors", purpose="training a classifier")
    reasons: dict[str, str] = {}
    features, encoder = _seen(options, trains, ctx.settings, reasons)
    kind = _kind(options, features, reasons)
    examples, drawn = drawn_rows(split_examples(ctx, manifest, Split.TRAIN), options)
    train = trains.rows(manifest.task, examples, encoder)
    if not train.pairs:
        raise _nothing_left(train.unlearnable)
    dev = trains.rows(manifest.task, split_examples(ctx, manifest, Split.DEV), encoder)
    tuning = None
    if options.method == "encoder":
        tuning = chosen_tuning(options, len(train.pairs), HEADS[answer].measured, reasons)
    return ClassifierSetup(
        manifest=manifest,
        features=features,
        kind=kind,
        encoder=encoder,
        encoder_name=encoder_name(options),
        train=train.pairs,
        dev=dev.pairs,
        reasons=reasons,
        drawn=drawn,
        tuning=tuning,
        steps=tuning.steps(train.items) if tuning else 0,
        unlearnable=train.unlearnable,
    )


def require_suited(task: TaskSpec, options: Options) -> AnswerKind:
    """What the task's answers are, where the method trains something that gives such.

    Raises:
        StageError: `training_method_unsuited`.
    """
    answer = handler_for(task).answer
    if answer in METHODS.get(options.method, ()):
        return answer
    others = [name for name, answers in METHODS.items() if answer in answers]
    other = others[0] if others else "auto"
    raise StageError(
        f"the method {options.method} answers with {_ANSWERS[options.method]}, and the task {task.profile} "
        f"asks for {answer.value}",
        where=f"method {options.method}",
        next_command=f"narrowcast train --method {other}"
        + ("" if others else ", which trains a language model"),
        reason_code="training_method_unsuited",
    )


def _seen(
    options: Options, trains: LinearKind | HeadKind, settings: Settings, reasons: dict[str, str]
) -> tuple[tuple[Feature, ...], EncoderFolder | None]:
    """As `chosen_features`, where there is something to choose.

    Raises:
        StageError: `training_method_unsuited`, if what has no use is asked for.
    """
    if trains.has_features:
        return chosen_features(options, settings, reasons)
    if options.features or options.base != _LANGUAGE_MODEL or options.classifier == "svm":
        raise StageError(
            "the linear tagger of spans is a logistic regression on each word and its neighbours; it takes "
            "neither a base nor features nor another classifier",
            where=f"method {options.method}",
            next_command="narrowcast train --method linear, without them",
            reason_code="training_method_unsuited",
        )
    reasons["features"] = "each word, its neighbours and how they are written"
    return (), None


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
    if options.method == "encoder":
        return "logistic"  # it begins as one
    if not features:
        return "logistic"  # of tags
    if options.classifier != "auto":
        return options.classifier
    if set(features) == {"encoder"}:
        reasons["classifier"] = "vectors alone: logistic regression, whose probabilities are exact"
        return "logistic"
    reasons["classifier"] = "words or characters are among the features"
    return "svm"


def _nothing_left(unlearnable: dict[str, str]) -> StageError:
    counts = Counter(unlearnable.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items()) or "no rows"
    return StageError(
        f"no row is left to train on: {reasons}",
        where=f"for example {next(iter(unlearnable))}" if unlearnable else "",
        next_command="narrowcast train --method auto, which trains a language model",
        reason_code="training_dispatch_error",
    )
