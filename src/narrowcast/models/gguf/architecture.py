"""The architectures that can be written, as tables: tensor names, metadata, and what is refused.

Tensor names and metadata keys are llama.cpp's (`gguf-py/gguf/constants.py`). llama.cpp rotates Llama's
queries and keys in interleaved pairs where transformers rotates halves, so these rows are permuted;
Qwen3 keeps the halves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from narrowcast.errors import ModelError

_LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
_QK_NORMS = {"self_attn.q_norm.weight": "attn_q_norm.weight", "self_attn.k_norm.weight": "attn_k_norm.weight"}


@dataclass(frozen=True, slots=True)
class Architecture:
    """One row of the table."""

    name: str
    """llama.cpp's name, the prefix of the metadata keys."""
    layer: dict[str, str]
    """Tensor names inside a layer, transformers' to llama.cpp's."""
    permute_rotary: bool


ARCHITECTURES = {
    "Qwen3ForCausalLM": Architecture("qwen3", {**_LAYER, **_QK_NORMS}, permute_rotary=False),
    "LlamaForCausalLM": Architecture("llama", _LAYER, permute_rotary=True),
}


def architecture_of(config: dict[str, Any], where: str) -> Architecture:
    """The table's row for a model's `config.json`.

    Raises:
        ModelError: an architecture or a setting that this writer would get wrong.
    """
    declared = (config.get("architectures") or ["none"])[0]
    if declared not in ARCHITECTURES:
        raise ModelError(
            f"{declared} cannot be written as GGUF; supported: {', '.join(ARCHITECTURES)}",
            where=where,
            next_command="narrowcast export --formats adapter,merged",
        )
    problems = [
        f"{key} = {config[key]!r}"
        for key, allowed in _ALLOWED.items()
        if key in config and config[key] not in allowed
    ]
    if rope_parameters(config)["rope_type"] not in ("default", "linear", "llama3"):
        problems.append(f"rope_type = {rope_parameters(config)['rope_type']!r}")
    if problems:
        raise ModelError(
            f"{declared} with {', '.join(problems)} cannot be written as GGUF",
            where=where,
            next_command="narrowcast export --formats adapter,merged",
        )
    return ARCHITECTURES[declared]


_ALLOWED: dict[str, tuple[Any, ...]] = {
    "attention_bias": (False, None),
    "mlp_bias": (False, None),
    "hidden_act": ("silu",),
    "use_sliding_window": (False, None),
}


def rope_parameters(config: dict[str, Any]) -> dict[str, Any]:
    """Rope settings in transformers 5's form, whichever version wrote the file."""
    scaling = config.get("rope_scaling") or {}
    given = config.get("rope_parameters") or {**scaling, "rope_theta": config.get("rope_theta", 10000.0)}
    return {**given, "rope_type": given.get("rope_type") or given.get("type") or "default"}


def head_size(config: dict[str, Any]) -> int:
    """Width of one attention head."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def tensor_names(config: dict[str, Any], architecture: Architecture) -> dict[str, str]:
    """Transformers' tensor names to llama.cpp's, in the order in which they are written."""
    names = {"model.embed_tokens.weight": "token_embd.weight"}
    for index in range(config["num_hidden_layers"]):
        for theirs, ours in architecture.layer.items():
            names[f"model.layers.{index}.{theirs}"] = f"blk.{index}.{ours}"
    names["model.norm.weight"] = "output_norm.weight"
    if not config.get("tie_word_embeddings", False):
        names["lm_head.weight"] = "output.weight"
    return names


def permute_rows(weight: Any, heads: int) -> Any:
    """Rotary halves to interleaved pairs, head by head; `weight` is `(heads * head_size, width)`."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def restore_rows(weight: Any, heads: int) -> Any:
    """What `permute_rows` did, undone."""
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def llama3_frequency_factors(config: dict[str, Any]) -> Any:
    """Divisors of the rotary frequencies, `(head_size / 2,)`, by Llama 3.1's rule.

    Long wavelengths are divided by `factor`, short ones left alone, those between interpolated:
    transformers' `_compute_llama3_parameters`.
    """
    import numpy as np

    rope = rope_parameters(config)
    size = head_size(config)
    frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, size, 2, dtype=np.float64) / size)
    wavelengths = 2 * np.pi / frequencies
    original, factor = rope["original_max_position_embeddings"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (original / wavelengths - low) / (high - low)
    between = 1.0 / ((1 - smooth) / factor + smooth)
    factors = np.where(wavelengths > original / low, factor, between)
    return np.where(wavelengths < original / high, 1.0, factors).astype(np.float32)
