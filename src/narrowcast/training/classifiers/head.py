"""What a method trains, by what a task's answers are: a linear model, or a head with its encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from narrowcast.core.example import Example
from narrowcast.core.names import AnswerKind
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.training.classifiers.rows import LearnableRows, labelled_rows, tagged_rows
from narrowcast.training.classifiers.tuning import OF_TEXTS, OF_WORDS, Measured

if TYPE_CHECKING:
    from narrowcast.core.stage import StageContext
    from narrowcast.models.classifiers.recipe import LinearRecipe
    from narrowcast.models.encoders.encoder import Encoder
    from narrowcast.models.shipped import Shipped
    from narrowcast.training.classifiers.setup import ClassifierSetup
    from narrowcast.training.options import Options


Rows = Callable[[TaskSpec, Sequence[Example], EncoderFolder | None], LearnableRows]


class Head(Protocol):
    """A head on a loaded encoder, with the train rows."""

    @property
    def encoder(self) -> Encoder:
        """It stands on."""

    @property
    def lengths(self) -> Sequence[int]:
        """In tokens, of each item that batches are drawn from."""

    def parameters(self) -> list[Any]:
        """Weights besides those of the encoder."""

    def states(self, items: Sequence[int]) -> Any:
        """What the encoder makes of these items, with gradients; in the precision of the machine."""

    def loss(self, states: Any, items: Sequence[int]) -> tuple[Any, int]:
        """Mean loss in nats, and the number of rows or words that it is the mean of."""

    def finished(self, setup: ClassifierSetup) -> tuple[Shipped, dict[str, float]]:
        """The trained model, and its loss on the dev rows where there is one."""


@dataclass(frozen=True, slots=True)
class LinearKind:
    """A linear model of texts as they are; an encoder among its features stays as it is.

    Attributes:
        fit: the model on the train rows, and the losses that it has, by name.
        rows: as `HeadKind.rows`.
        has_features: what it sees of a text can be chosen.
        packages: that it needs.
    """

    fit: Callable[[ClassifierSetup, LinearRecipe, StageContext], tuple[Shipped, dict[str, float]]]
    rows: Rows = labelled_rows
    has_features: bool = True
    packages: tuple[str, ...] = ("sklearn",)


@dataclass(frozen=True, slots=True)
class HeadKind:
    """What depends on what a head is on.

    Attributes:
        make: the head, on a loaded encoder.
        rows: renders what it learns from; None stands for an encoder where none is among the features.
        measured: what suits it where nothing is asked for.
        packages: that it needs besides those of the encoder.
        has_features: as `LinearKind.has_features`; they are the encoder's.
    """

    make: Callable[[ClassifierSetup, Options, StageContext], Head]
    rows: Rows
    measured: Measured
    packages: tuple[str, ...] = ()
    has_features: bool = True


def _of_texts(setup: ClassifierSetup, options: Options, ctx: StageContext) -> Head:
    from narrowcast.training.classifiers.row_head import RowHead

    return RowHead(setup, options, ctx)


def _of_words(setup: ClassifierSetup, options: Options, ctx: StageContext) -> Head:  # noqa: ARG001
    from narrowcast.training.classifiers.token_head import TokenHead

    return TokenHead(setup)


def _classifier(
    setup: ClassifierSetup, recipe: LinearRecipe, ctx: StageContext
) -> tuple[Shipped, dict[str, float]]:
    from narrowcast.training.classifiers.fit import fit, linear_losses

    classifier = fit(setup, recipe, ctx)
    return classifier, linear_losses(classifier, recipe, setup)


def _fields(
    setup: ClassifierSetup, recipe: LinearRecipe, ctx: StageContext
) -> tuple[Shipped, dict[str, float]]:
    from narrowcast.models.extractors.fit import fit_fields

    return fit_fields(recipe, setup.train, Work(ctx.progress, ctx.cancel)), {}


def _spans(
    setup: ClassifierSetup,
    recipe: LinearRecipe,  # noqa: ARG001 - the form of `LinearKind.fit`
    ctx: StageContext,
) -> tuple[Shipped, dict[str, float]]:
    from narrowcast.models.extractors.fit import fit_spans

    ctx.progress.start(f"fitting a tagger on {len(setup.train):,} rows")
    return fit_spans(setup.train), {}


_LABELS = LinearKind(_classifier)
LINEAR: Mapping[AnswerKind, LinearKind] = {
    AnswerKind.LABEL: _LABELS,
    AnswerKind.LABELS: _LABELS,
    AnswerKind.FIELDS: LinearKind(_fields),
    AnswerKind.SPANS: LinearKind(_spans, has_features=False),
}
_ON_TEXTS = HeadKind(_of_texts, labelled_rows, OF_TEXTS, ("sklearn",))
_ON_WORDS = HeadKind(_of_words, tagged_rows, OF_WORDS)
HEADS: Mapping[AnswerKind, HeadKind] = {
    AnswerKind.LABEL: _ON_TEXTS,
    AnswerKind.LABELS: _ON_TEXTS,
    AnswerKind.SPANS: _ON_WORDS,
}
METHODS: Mapping[str, Mapping[AnswerKind, LinearKind] | Mapping[AnswerKind, HeadKind]] = {
    "linear": LINEAR,
    "encoder": HEADS,
}
"""Of each method what it trains, by what a task's answers are."""
