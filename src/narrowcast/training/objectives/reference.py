"""What the weights that training begins with say about each pair, before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from narrowcast.training.data.rows import TokenRow
from narrowcast.training.forward import picked_logits
from narrowcast.training.fused.last_layer import EarlyHead
from narrowcast.training.objectives.base import Layout
from narrowcast.training.objectives.pairs import pair_batch, pair_margins


def reference_margins(
    model: Any,
    rows: Sequence[TokenRow],
    layout: Layout,
    *,
    pad: int,
    batch_size: int,
    bf16: bool,
    each: Callable[[int], None] = lambda _: None,
) -> dict[str, float]:
    """Example id to log P(preferred) − log P(other), nats, without dropout.

    Args:
        model: as training begins; a new adapter changes nothing yet, so it may be on.
        rows: pairs.
        layout: as training will use it, so that the margin of unchanged weights is met again exactly.
        pad: id that fills short rows.
        batch_size: pairs in a batch.
        bf16: compute matrix products in bf16.
        each: called with the number of pairs that were added.
    """
    found: dict[str, float] = {}
    ordered = sorted(rows, key=lambda row: (row.size, row.example_id))
    head, training = EarlyHead(model), model.training
    model.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(ordered), batch_size):
                part = ordered[start : start + batch_size]
                inputs = {
                    name: value.to(model.device) if hasattr(value, "to") else value
                    for name, value in pair_batch(layout, part, pad).items()
                }
                margins = pair_margins(picked_logits(model, head, inputs, bf16=bf16), inputs)
                found |= zip((row.example_id for row in part), margins.tolist(), strict=True)
                each(len(part))
    finally:
        head.close()
        model.train(training)
    return found
