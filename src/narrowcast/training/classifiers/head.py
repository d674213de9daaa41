"""What is trained on top of an encoder, and with it: one linear model on texts, or one on their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from narrowcast.core.example import Example
from narrowcast.core.names import AnswerKind
from narrowcast.core.task import TaskSpec
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.training.classifiers.rows import LearnableRows, labelled_rows, tagged_rows
from narrowcast.training.classifiers.tuning import OF_TEXTS, OF_WORDS, Measured

if TYPE_CHECKING:
    from narrowcast.core.stage import StageContext
    from narrowcast.models.encoders.encoder import Encoder
    from narrowcast.models.shipped import Shipped
    from narrowcast.training.classifiers.setup import ClassifierSetup
    from narrowcast.training.options import Options


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
class HeadKind:
    """What depends on what a head is on.

    Attributes:
        make: the head, on a loaded encoder.
        rows: renders what it learns from; None stands for an encoder where none is among the features.
        measured: what suits it where nothing is asked for.
        packages: that it needs besides those of the encoder.
    """

    make: Callable[[ClassifierSetup, Options, StageContext], Head]
    rows: Callable[[TaskSpec, Sequence[Example], EncoderFolder | None], LearnableRows]
    measured: Measured
    packages: tuple[str, ...] = ()


def _of_texts(setup: ClassifierSetup, options: Options, ctx: StageContext) -> Head:
    from narrowcast.training.classifiers.row_head import RowHead

    return RowHead(setup, options, ctx)


def _of_words(setup: ClassifierSetup, options: Options, ctx: StageContext) -> Head:  # noqa: ARG001
    from narrowcast.training.classifiers.token_head import TokenHead

    return TokenHead(setup)


_ON_TEXTS = HeadKind(_of_texts, labelled_rows, OF_TEXTS, ("sklearn",))
_ON_WORDS = HeadKind(_of_words, tagged_rows, OF_WORDS)
HEADS: Mapping[AnswerKind, HeadKind] = {
    AnswerKind.LABEL: _ON_TEXTS,
    AnswerKind.LABELS: _ON_TEXTS,
    AnswerKind.SPANS: _ON_WORDS,
}
"""By what a task's answers are."""
METHODS: Mapping[str, tuple[AnswerKind, ...]] = {
    "linear": (AnswerKind.LABEL, AnswerKind.LABELS),
    "encoder": tuple(HEADS),
}
"""Which answers what a method trains can give."""
