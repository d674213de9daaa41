"""Direct preference optimisation: of two answers to a prompt, the better one becomes likelier.

With the log-probabilities of whole answers y⁺ (preferred) and y⁻ to a prompt x, under the weights that are
trained (π) and under those training began with (ρ), a pair costs

    −log σ( β · [ (log π(y⁺|x) − log π(y⁻|x)) − (log ρ(y⁺|x) − log ρ(y⁻|x)) ] )

(Rafailov et al. 2023, "Direct Preference Optimization", equation 7). The second difference, the reference
margin, does not change: it is computed once for each pair before the first step, so no second model is
held. Both answers are in one batch; packed as a trie, their prompt is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.base import Layout, Objective, ObjectiveDefinition, ObjectiveSetup
from narrowcast.training.objectives.options import DpoOptions
from narrowcast.training.objectives.pairs import pair_batch, pair_margins
from narrowcast.training.objectives.reference import reference_margins


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


_RATE = 0.05  # pairs push probabilities apart without bound, so steps are smaller


def _build(setup: ObjectiveSetup) -> Objective:
    """Measured against the weights as they are now."""
    ctx = setup.ctx
    ctx.progress.start("reference margins", len(setup.rows))

    def each(pairs: int) -> None:
        ctx.cancel.check(reason_code="training_cancelled")
        ctx.progress.advance(pairs)

    margins = reference_margins(
        setup.model,
        setup.rows,
        setup.layout,
        pad=setup.pad,
        batch_size=setup.micro_batch_size,
        bf16=setup.bf16,
        each=each,
    )
    return Preferences(setup.layout, setup.options.beta, margins)


def _probe(setup: ObjectiveSetup) -> Objective:
    margins = dict.fromkeys((row.example_id for row in setup.rows), 0.0)
    return Preferences(setup.layout, setup.options.beta, margins)


DPO = ObjectiveDefinition(build=_build, probe=_probe, options=DpoOptions, pairs=True, rate=_RATE)
