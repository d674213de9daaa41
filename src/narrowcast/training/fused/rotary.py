"""Rotary position embedding (Su et al. 2021) of two halves, with a backward of its own.

With x = (a, b) in two halves, and cosines (c, c') and sines (s, s') likewise:

    y = (a c - b s, b c' + a s')        dx = (da c + db s', db c' - da s)   for a gradient (da, db) of y.

Backward therefore needs no input, only the tables.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Rotary(torch.autograd.Function):  # type: ignore[misc]
    """`Rotary.apply(x, cos, sin)`: `x` [rows, heads, tokens, size], the tables [rows, 1, tokens, size]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """See the module."""
        ctx.save_for_backward(cos, sin)
        ctx.dtype = x.dtype
        half = x.shape[-1] // 2
        x = x.to(torch.promote_types(x.dtype, cos.dtype))
        out = x * cos
        out[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
        out[..., half:].addcmul_(x[..., :half], sin[..., half:])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """See the module."""
        cos, sin = ctx.saved_tensors
        half = grad.shape[-1] // 2
        out = grad * cos
        out[..., :half].addcmul_(grad[..., half:], sin[..., half:])
        out[..., half:].addcmul_(grad[..., :half], sin[..., :half], value=-1)
        return out.to(ctx.dtype), None, None


def rotate(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1) -> tuple[Tensor, Tensor]:
    """What transformers' `apply_rotary_pos_emb` does; tables are [rows, tokens, size]."""
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return Rotary.apply(q, cos, sin), Rotary.apply(k, cos, sin)
