"""What is minimised: how rows become a batch, and what its logits cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor

from narrowcast.training.data.rows import TokenRow

Layout = Callable[[Sequence[TokenRow], int], dict[str, Any]]
"""Rows and the padding id to a batch: `batches.collate` or `packing.batch.pack`."""


class Objective(Protocol):
    """A loss that adds up over what it counts, so that accumulation gives the gradient of one large batch.

    A batch holds `labels`, whose entries that are not `IGNORED` are what the loss is averaged over.
    """

    def batch(self, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
        """Rows as tensors; `input_ids`, `positions`, `labels` and `tokens` at least."""
        ...

    def loss(self, logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """Sum over the batch's labels; `logits` [positions, vocabulary]."""
        ...
