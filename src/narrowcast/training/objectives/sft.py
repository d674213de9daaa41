"""Supervised fine-tuning: the answers' tokens become likelier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.base import Layout, Objective, ObjectiveDefinition, ObjectiveSetup


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
        """Nats, summed over the answers' tokens, each times its weight where rows have weights."""
        return self.cross_entropy(logits, inputs)

    @staticmethod
    def cross_entropy(logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """As `loss`."""
        weights = inputs.get("weights")
        losses = functional.cross_entropy(
            logits.float(),
            inputs["labels"],
            ignore_index=IGNORED,
            reduction="sum" if weights is None else "none",
        )
        return losses if weights is None else (losses * weights).sum()


def _build(setup: ObjectiveSetup) -> Objective:
    return Completions(setup.layout)


SFT = ObjectiveDefinition(build=_build, probe=_build)
