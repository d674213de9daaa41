"""Two ways to compute one loss and its gradients, compared so that no processor's rounding decides.

In float64 they must agree to 1e-12. In float32 the second way must be about as near to the float64 result as
the first: how large that error is depends on the processor's products, that the two are alike does not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor

EXACT = 1e-12  # relative, float64
AS_NEAR = 2.0  # times the float32 error of the first way

Way = Callable[[Any], float]
"""Computes the gradients of a model it is given, which it may change; returns the loss."""


@dataclass(frozen=True)
class Outcome:
    """What one way computed: a loss and the gradient of each parameter that has one, in float64."""

    loss: float
    gradients: dict[str, Tensor]

    def error(self, reference: Outcome) -> float:
        """Distance of all gradients together from the reference's, relative to their norm."""
        pairs = [(self.gradients[name], other) for name, other in reference.gradients.items()]
        distance = sum(float((mine - other).square().sum()) for mine, other in pairs)
        return float((distance / sum(float(other.square().sum()) for _, other in pairs)) ** 0.5)


def assert_same_gradients(model: Any, first: Way, second: Way) -> None:
    """Both ways give a copy of the model the same loss and gradients, up to rounding."""
    reference = outcome(in_float64(copy.deepcopy(model)), first)
    exact = outcome(in_float64(copy.deepcopy(model)), second)
    assert abs(exact.loss / reference.loss - 1) <= EXACT
    assert exact.gradients.keys() == reference.gradients.keys()
    for name, wanted in reference.gradients.items():
        distance = (exact.gradients[name] - wanted).norm()
        assert distance <= EXACT * wanted.norm().clamp(min=1e-6), name
    rounding = outcome(copy.deepcopy(model), first).error(reference)
    assert outcome(copy.deepcopy(model), second).error(reference) <= AS_NEAR * rounding


def outcome(model: Any, way: Way) -> Outcome:
    """Compute one way on this model."""
    loss = way(model)
    gradients = {
        name: weights.grad.double() for name, weights in model.named_parameters() if weights.grad is not None
    }
    return Outcome(loss, gradients)


def in_float64(model: Any) -> Any:
    """The model in float64 throughout: transformers' norms, which compute in float32, as well."""
    model.double()
    for module in model.modules():
        if (norm := _NORMS.get(type(module).__name__)) is not None:
            module.forward = MethodType(norm, module)
    return model


def _rms(module: Any, hidden_states: Tensor) -> Tensor:
    width = hidden_states.shape[-1:]
    return torch.nn.functional.rms_norm(hidden_states, width, module.weight, module.variance_epsilon)


def _rms_plus_one(module: Any, x: Tensor) -> Tensor:
    return torch.nn.functional.rms_norm(x, x.shape[-1:], 1 + module.weight, module.eps)


_NORMS = {"Qwen3RMSNorm": _rms, "LlamaRMSNorm": _rms, "Gemma3RMSNorm": _rms_plus_one}
