"""Tree attention as an attention of transformers, so that models stay as they are.

`use(model)` selects it; `model(input_ids=…, position_ids=…, layout=…)` hands the layout to every layer
through transformers' own keyword arguments. Whatever a model adds to attention that the pieces do not know
(soft caps, sinks, dropout of the weights) is refused, never ignored.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from narrowcast.errors import ModelError
from narrowcast.training.packing.attention import TreeAttention
from narrowcast.training.packing.blocks import Layout

NAME = "narrowcast_tree"
_PADDED = "sdpa"  # what transformers takes by itself
_KNOWN = {"position_ids", "use_cache", "cache_position", "is_causal", "output_attentions"}


def tree_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: Any,
    *,
    layout: Layout | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attend; heads first in, [1, tokens, heads, size] out.

    Args:
        module: the layer's attention.
        query: [1, heads, tokens, size], as are `key` and `value`.
        key: of each token.
        value: of each token.
        _mask: transformers' own; the layout says who attends to whom.
        layout: of the packed rows.
        **more: `scaling`, `dropout` and `sliding_window` as transformers gives them, and what it adds.
    """
    scaling, window = more.pop("scaling", None), more.pop("sliding_window", None)
    dropout = more.pop("dropout", 0.0)
    unknown = {name for name, value in more.items() if value is not None} - _KNOWN
    if layout is None or dropout or unknown:
        what = "no layout" if layout is None else "dropout of attention weights" if dropout else unknown
        raise ModelError(
            f"packed attention cannot do this: {what}",
            where=type(module).__name__,
            next_command="narrowcast train --layout padded",
            reason_code="training_runtime_error",
        )
    kind = query.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else query.dtype
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    with torch.autocast(kind, enabled=False):
        return TreeAttention.apply(query, key, value, layout, scale, window, dtype), None


def _no_mask(*_: Any, **__: Any) -> None:
    """The layout says who attends to whom."""


def use(model: Any) -> None:
    """Let a model attend over pieces; every forward pass then needs a `layout`."""
    AttentionInterface.register(NAME, tree_attention)
    AttentionMaskInterface.register(NAME, _no_mask)
    model.set_attn_implementation(NAME)


def attend(model: Any, *, packed: bool) -> None:
    """Let the next forward pass attend over pieces, or over padded rows where the last one was packed."""
    config = model.config
    if packed or config._attn_implementation == NAME:
        config._attn_implementation = NAME if packed else _PADDED  # every layer reads it in its forward
