"""Direct preference optimisation: of two answers to a prompt, the better one becomes likelier.

With the log-probabilities of whole answers y⁺ (preferred) and y⁻ to a prompt x, under the weights that are
trained (π) and under those training began with (ρ), a pair costs

    −log σ( β · [ (log π(y⁺|x) − log π(y⁻|x)) − (log ρ(y⁺|x) − log ρ(y⁻|x)) ] )

(Rafailov et al. 2023, "Direct Preference Optimization", equation 7). The second difference, the reference
margin, does not change: it is computed once for each pair before the first step, so no second model is
held. Both answers stand in one batch; packed as a trie, their prompt is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.base import Layout


class Preferences:
    """The objective over pairs.

    Args:
        layout: how the two sides of all pairs become one batch.
        beta: how strongly a pair's margin counts; small keeps the model near its start.
        reference: example id to reference margin, nats; of all rows that will be met.
    """

    def __init__(self, layout: Layout, beta: float, reference: Mapping[str, float]) -> None:
        self._layout, self._beta, self._reference = layout, beta, reference

    def batch(self, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
        """See `pair_batch`; and `reference` [pairs], nats."""
        margins = torch.tensor([self._reference[row.example_id] for row in rows], dtype=torch.float32)
        return {**pair_batch(self._layout, rows, pad), "reference": margins}

    def loss(self, logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """Nats, summed over pairs."""
        gained = pair_margins(logits, inputs) - inputs["reference"]
        return -functional.logsigmoid(self._beta * gained).sum()


def pair_batch(layout: Layout, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
    """A batch of pairs, each pair's preferred answer before the other.

    Returns:
        What the layout returns, but `answers` [n] for the tokens to be predicted, `owners` [n], the side each
        belongs to (2 · pairs for fillers), and `labels` [pairs], all ones: what the loss is averaged over.
    """
    sides = [side for row in rows for side in row.sides()]
    batch = layout(sides, pad)
    answers = batch["labels"]
    counts = torch.tensor([len(side.ids) - max(side.prompt_length, 1) for side in sides])
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
