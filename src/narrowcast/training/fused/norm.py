"""Root mean square normalisation (Zhang and Sennrich 2019) with a backward of its own.

    r = (mean_i x_i² + eps)^(-1/2)        y_i = w_i x_i r

    dx_i = r (w_i dy_i - x_i r² mean_j x_j w_j dy_j)        dw_i = sum over rows of dy_i x_i r

Backward is that of layer normalisation with a mean of zero, which is one pass, plus the term that one
subtracts for the mean: r mean_j w_j dy_j. Autograd over the model's own formula takes about fourteen passes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class RmsNorm(torch.autograd.Function):  # type: ignore[misc]
    """`RmsNorm.apply(x, weight, eps, dtype)`: [..., width] normalised in float32 or wider, as `dtype`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
        """See the module."""
        wide = x.to(_wide(x))
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """See the module."""
        x, weight, scale = ctx.saved_tensors
        width, wide, grad = x.shape[-1], weight.to(_wide(x)), grad.to(_wide(x))
        d_x, d_weight, _ = torch.ops.aten.native_layer_norm_backward(
            grad,
            x.to(_wide(x)),
            [width],
            torch.zeros_like(scale),
            scale,
            wide,
            None,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False],
        )
        if d_x is not None:
            mean = torch.mv(grad.reshape(-1, width), wide).div_(width).view_as(scale)
            d_x = d_x.addcmul_(scale, mean).to(x.dtype)
        return d_x, None if d_weight is None else d_weight.to(weight.dtype), None, None


def _wide(x: Tensor) -> torch.dtype:
    """What it is computed in: float32, or wider where the input is."""
    return torch.promote_types(x.dtype, torch.float32)
