"""What is minimised: how rows become a batch, and what its logits cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from narrowcast.core.stage import StageContext, StageOptions
from narrowcast.training.data.rows import TokenRow

if TYPE_CHECKING:
    from torch import Tensor

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


@dataclass(frozen=True, slots=True)
class ObjectiveSetup:
    """What an objective is built from.

    Attributes:
        rows: all that it will meet, training and dev rows alike.
        layout: how rows become one batch.
        pad: id that fills short rows.
        options: an instance of the objective's options model.
        micro_batch_size: rows per forward pass.
        bf16: compute matrix products in bf16.
        model: the weights that training begins with.
        ctx: of the run, for progress and cancellation.
    """

    rows: Sequence[TokenRow]
    layout: Layout
    pad: int
    options: Any
    micro_batch_size: int
    bf16: bool
    model: Any
    ctx: StageContext


class NoOptions(StageOptions):
    """Options of an objective that has none."""


@dataclass(frozen=True, slots=True)
class ObjectiveDefinition:
    """An objective as the training room sees it.

    Attributes:
        build: makes it before the first step; it may read the initial weights.
        probe: makes one of the same cost in time and memory, for a forecast that learns nothing.
        options: its options; they are given as flat keys among those of a run.
        pairs: it learns from preference pairs; otherwise from single answers.
        rate: factor of the default learning rate.
    """

    build: Callable[[ObjectiveSetup], Objective]
    probe: Callable[[ObjectiveSetup], Objective]
    options: type[StageOptions] = NoOptions
    pairs: bool = False
    rate: float = 1.0
