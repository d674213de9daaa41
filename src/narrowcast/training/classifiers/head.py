"""What is trained on top of an encoder, and with it: one linear model on texts, or one on their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from narrowcast.core.names import AnswerKind

if TYPE_CHECKING:
    from narrowcast.core.stage import StageContext
    from narrowcast.models.encoders.encoder import Encoder
    from narrowcast.models.shipped import Shipped
    from narrowcast.training.classifiers.setup import ClassifierSetup
    from narrowcast.training.options import Options


class Head(Protocol):
    """A head on a loaded encoder, with the train rows.

    Attributes:
        lengths: in tokens, of everything that a batch is drawn from.
    """

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


def head_of(setup: ClassifierSetup, options: Options, ctx: StageContext) -> Head:
    """The head that the task's answers want; the encoder is loaded."""
    if setup.answer is AnswerKind.SPANS:
        from narrowcast.training.classifiers.token_head import TokenHead

        return TokenHead(setup)
    from narrowcast.training.classifiers.row_head import RowHead

    return RowHead(setup, options, ctx)
