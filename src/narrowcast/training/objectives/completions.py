"""Supervised fine-tuning: the answers' tokens become likelier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.base import Layout


class Completions:
    """Cross-entropy of the answers' tokens.

    Args:
        layout: how rows become one batch.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def batch(self, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
        """As the layout makes it."""
        return self._layout(rows, pad)

    def loss(self, logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """Nats, summed over the answers' tokens."""
        return self.cross_entropy(logits, inputs)

    @staticmethod
    def cross_entropy(logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """As `loss`."""
        return functional.cross_entropy(
            logits.float(), inputs["labels"], ignore_index=IGNORED, reduction="sum"
        )
