"""Put the fused operations into a model, where they do what its own do.

Modules, parameters and saved weights stay as they are; only `forward` of a norm, and the function by which an
attention turns queries and keys, are others. Each is compared with the original on random input before it is
taken, so an architecture with another formula (Gemma's norm adds one to its weight) keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor

from narrowcast.training.fused.families import PRE_NORM
from narrowcast.training.fused.norm import RmsNorm
from narrowcast.training.fused.rotary import rotate

_ROTARY = "apply_rotary_pos_emb"
_TOLERANCE = 1e-5  # relative, float32
# Norms whose result goes into matrix products alone, by their place in a decoder layer of these families.
_BEFORE_PRODUCTS = ("input_layernorm", "post_attention_layernorm")


def fuse(model: Any) -> list[str]:
    """Attach what agrees with the model's own.

    Returns:
        The names of the modules that changed.
    """
    changed = []
    pre_norm = model.config.model_type in PRE_NORM
    for name, module in model.named_modules():
        if type(module).__name__.endswith("RMSNorm") and _same_norm(module):
            narrow = pre_norm and name.endswith(_BEFORE_PRODUCTS)
            module.forward = MethodType(_narrow_norm if narrow else _norm, module)
            changed.append(name)
        elif (turned := _with_rotary(type(module).forward)) is not None:
            module.forward = MethodType(turned, module)
            changed.append(name)
    return changed


def _norm(module: Any, hidden_states: Tensor) -> Tensor:
    dtype = torch.promote_types(hidden_states.dtype, module.weight.dtype)
    normed: Tensor = RmsNorm.apply(hidden_states, module.weight, module.variance_epsilon, dtype)
    return normed


def _narrow_norm(module: Any, hidden_states: Tensor) -> Tensor:
    """In the type of the products that follow, so that each of them needs no cast of its own."""
    kind = hidden_states.device.type
    if not torch.is_autocast_enabled(kind):
        return _norm(module, hidden_states)
    dtype = torch.get_autocast_dtype(kind)
    normed: Tensor = RmsNorm.apply(hidden_states, module.weight, module.variance_epsilon, dtype)
    return normed


def _same_norm(module: Any) -> bool:
    if not hasattr(module, "variance_epsilon") or module.weight.is_meta:
        return False
    weight = module.weight
    generator = torch.Generator().manual_seed(0)
    dtype = torch.promote_types(torch.float32, weight.dtype)
    x = torch.randn(4, weight.shape[0], generator=generator).to(weight.device, dtype)
    with torch.no_grad():
        return _close(_norm(module, x), module(x))


def _with_rotary(forward: Any) -> Any:
    """The same function with the fused rotation in place of its module's; None where it has none such."""
    if not isinstance(forward, FunctionType) or _ROTARY not in forward.__code__.co_names:
        return None
    own = forward.__globals__.get(_ROTARY)
    if own is None or not _same_rotary(own):
        return None
    known = {**forward.__globals__, _ROTARY: rotate}
    return FunctionType(forward.__code__, known, forward.__name__, forward.__defaults__, forward.__closure__)


def _same_rotary(own: Callable[..., tuple[Tensor, Tensor]]) -> bool:
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, heads, 5, 8, generator=generator) for heads in (4, 2))
    cos, sin = (torch.randn(1, 5, 8, generator=generator) for _ in range(2))
    try:
        expected = own(q, k, cos, sin)
    except (TypeError, RuntimeError):  # other parameters or shapes: another rotation
        return False
    return all(_close(mine, theirs) for mine, theirs in zip(rotate(q, k, cos, sin), expected, strict=True))


def _close(mine: Tensor, theirs: Tensor) -> bool:
    return bool((mine - theirs).norm() <= _TOLERANCE * theirs.norm())
