"""A batch of preference pairs, and by how much its preferred answers are likelier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.base import Layout


def pair_batch(layout: Layout, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
    """A batch of pairs, each pair's preferred answer before the other.

    Returns:
        What the layout returns, but `answers` [n] for the tokens to be predicted, `owners` [n], the side each
        belongs to (2 · pairs for fillers), and `labels` [pairs], all ones: what the loss is averaged over.
    """
    sides = [side for row in rows for side in row.sides()]
    batch = layout(sides, pad)
    answers = batch["labels"]
    counts = torch.tensor([len(side.targets) for side in sides])
    owners = torch.full_like(answers, len(sides))
    owners[: int(counts.sum())] = torch.repeat_interleave(torch.arange(len(sides)), counts)
    return {**batch, "answers": answers, "owners": owners, "labels": torch.ones(len(rows), dtype=torch.long)}


def pair_margins(logits: Tensor, inputs: dict[str, Any]) -> Tensor:
    """Log P(preferred) − log P(other) of each pair: [pairs], nats, over whole answers."""
    tokens = -functional.cross_entropy(
        logits.float(), inputs["answers"], ignore_index=IGNORED, reduction="none"
    )
    sides = 2 * len(inputs["labels"])
    sums = tokens.new_zeros(sides + 1).index_add(0, inputs["owners"], tokens)
    return sums[0:sides:2] - sums[1:sides:2]
