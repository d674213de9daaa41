"""Rotary position embedding: settings, row order and frequencies, as llama.cpp wants them.

llama.cpp rotates Llama's queries and keys in interleaved pairs where transformers rotates halves, so these
rows are permuted; its other architectures keep the halves.
"""

from __future__ import annotations

import math
from typing import Any

Config = dict[str, Any]


def rope_parameters(config: Config) -> dict[str, Any]:
    """Rope settings in transformers 5's form, whichever version wrote the file; of the global layers."""
    scaling = config.get("rope_scaling") or {}
    old = {"rope_theta": config.get("rope_theta", 10000.0), **scaling}
    old |= {key: config[key] for key in ("partial_rotary_factor",) if key in config}
    given: dict[str, Any] = config.get("rope_parameters") or old
    given = given.get("full_attention", given)
    return {**given, "rope_type": given.get("rope_type") or given.get("type") or "default"}


def head_size(config: Config) -> int:
    """Width of one attention head."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def rotated_size(config: Config) -> int:
    """How much of a head is rotated."""
    return int(head_size(config) * (rope_parameters(config).get("partial_rotary_factor") or 1.0))


def permute_rows(weight: Any, heads: int) -> Any:
    """Rotary halves to interleaved pairs, head by head; `weight` is `(heads * head_size, ...)`."""
    split = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return split.swapaxes(1, 2).reshape(weight.shape)


def restore_rows(weight: Any, heads: int) -> Any:
    """What `permute_rows` did, undone."""
    split = weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:])
    return split.swapaxes(1, 2).reshape(weight.shape)


def frequency_factors(config: Config) -> dict[str, Any]:
    """Divisors of the rotary frequencies as tensors of the file, each `(rotated_size / 2,)` float32."""
    import numpy as np

    rope = rope_parameters(config)
    if rope["rope_type"] == "llama3":
        return {"rope_freqs.weight": llama3_factors(rope, head_size(config))}
    if rope["rope_type"] == "longrope":
        # llama.cpp takes the long ones where its cache is longer than the original context, however short
        # the prompt. With the short ones in both places, and no longer context, it computes what was trained.
        short = np.array(rope["short_factor"], dtype=np.float32)
        return {f"rope_factors_{name}.weight": short for name in ("long", "short")}
    return {}


def llama3_factors(rope: dict[str, Any], size: int) -> Any:
    """Divisors for a head of `size`, by Llama 3.1's rule.

    Long wavelengths are divided by `factor`, short ones left alone, those between interpolated:
    transformers' `_compute_llama3_parameters`.
    """
    import numpy as np

    frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, size, 2, dtype=np.float64) / size)
    wavelengths = 2 * np.pi / frequencies
    original, factor = rope["original_max_position_embeddings"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (original / wavelengths - low) / (high - low)
    between = 1.0 / ((1 - smooth) / factor + smooth)
    factors = np.where(wavelengths > original / low, factor, between)
    return np.where(wavelengths < original / high, 1.0, factors).astype(np.float32)


def original_context(config: Config) -> int:
    """The context before longrope stretched it."""
    rope = rope_parameters(config)
    known = rope.get("original_max_position_embeddings") or config.get("original_max_position_embeddings")
    return int(known or config["max_position_embeddings"])


def longrope_scale(config: Config) -> float:
    """What sines and cosines are multiplied with: transformers' `_compute_longrope_parameters`."""
    rope, original = rope_parameters(config), original_context(config)
    if rope.get("attention_factor"):
        return float(rope["attention_factor"])
    factor = rope.get("factor") or config["max_position_embeddings"] / original
    return math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
