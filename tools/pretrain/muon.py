"""Muon for the hidden matrices, Adam for the rest, in one small optimiser.

Muon (https://kellerjordan.github.io/posts/muon/) with the update scale of Moonlight (arXiv:2502.16982):
an orthogonalised momentum times ``0.2 * sqrt(max(rows, columns))``, so that one learning rate has the
size of an AdamW rate. Adam: arXiv:1412.6980.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix, in bf16, quintic coefficients."""
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.T if tall else x).float()


@dataclass(slots=True)
class Matrix:
    """A fused parameter and the row counts of the matrices in it, which Muon treats one by one."""

    parameter: torch.nn.Parameter
    rows: Sequence[int]


class Mixed:
    """Muon on ``matrices``, Adam on ``others``; rates are multiplied by ``scale`` at every step."""

    def __init__(
        self,
        matrices: Sequence[Matrix],
        others: Sequence[torch.nn.Parameter],
        muon: dict[str, Any],
        adam: dict[str, Any],
    ) -> None:
        self.matrices, self.others, self.muon, self.adam = matrices, others, muon, adam
        self.steps = 0
        self.momenta = [torch.zeros_like(m.parameter) for m in matrices]
        self.first = [torch.zeros_like(p) for p in others]
        self.second = [torch.zeros_like(p) for p in others]

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """All parameters, matrices first."""
        return [*(m.parameter for m in self.matrices), *self.others]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Apply one update and clear the gradients."""
        self.steps += 1
        for matrix, momentum in zip(self.matrices, self.momenta, strict=True):
            self._muon_step(matrix, momentum, self.muon["rate"] * scale)
        self._adam_step(self.adam["rate"] * scale)
        for parameter in self.parameters():
            parameter.grad = None

    def _muon_step(self, matrix: Matrix, momentum: Tensor, rate: float) -> None:
        parameter, beta = matrix.parameter, self.muon["momentum"]
        gradient = parameter.grad
        if gradient is None:
            return
        momentum.lerp_(gradient, 1 - beta)
        nesterov = gradient.lerp(momentum, beta)
        parameter.mul_(1 - rate * self.muon["weight_decay"])
        for part, target in zip(
            nesterov.split(list(matrix.rows)), parameter.split(list(matrix.rows)), strict=True
        ):
            target.add_(orthogonal(part), alpha=-rate * 0.2 * max(part.shape) ** 0.5)

    def _adam_step(self, rate: float) -> None:
        beta1, beta2 = self.adam["betas"]
        correct1, correct2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for parameter, first, second in zip(self.others, self.first, self.second, strict=True):
            gradient = parameter.grad
            if gradient is None:
                continue
            first.lerp_(gradient, 1 - beta1)
            second.lerp_(gradient.square(), 1 - beta2)
            denominator = (second / correct2).sqrt_().add_(self.adam["epsilon"])
            parameter.addcdiv_(first, denominator, value=-rate / correct1)

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        return {"steps": self.steps, "momenta": self.momenta, "first": self.first, "second": self.second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` gave."""
        self.steps = state["steps"]
        self.momenta, self.first, self.second = state["momenta"], state["first"], state["second"]
