"""The forward pass of a batch: logits at its positions alone."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from narrowcast.models.head import PickedHead
from narrowcast.training.packing.register import attend

_MODEL_INPUTS = ("input_ids", "position_ids", "layout")


def picked_logits(model: Any, head: PickedHead, inputs: dict[str, Any], *, bf16: bool) -> Tensor:
    """Logits [positions, vocabulary] of a batch made by an `Objective`.

    Args:
        model: causal language model.
        head: the hook in front of its output layer.
        inputs: on the model's device.
        bf16: compute matrix products in bf16.
    """
    device = inputs["input_ids"].device.type
    context = torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext()
    attend(getattr(model, "module", model), packed="layout" in inputs)
    own = {name: inputs[name] for name in _MODEL_INPUTS if name in inputs}
    with context, head.at(inputs["positions"]):
        logits: Tensor = model(**own, use_cache=False).logits
    return logits
