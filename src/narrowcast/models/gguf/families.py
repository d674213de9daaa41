"""The families that can be written as GGUF and read from it. A family more is an entry more."""

from __future__ import annotations

from typing import Any

from narrowcast.errors import ModelError
from narrowcast.models.gguf.architecture import (
    INTERLEAVED,
    PLUS_ONE,
    Architecture,
    Lookup,
    heads_fill_the_width,
    only,
    rope_types,
    whole_heads_rotate,
)
from narrowcast.models.gguf.rotary import (
    Config,
    head_size,
    longrope_scale,
    original_context,
    rope_parameters,
    rotated_size,
)

_NORMS = {"input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "ffn_norm.weight"}
_ATTENTION = {
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
}
_FEED_FORWARD = {
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
_LAYER = {**_NORMS, **_ATTENTION, **_FEED_FORWARD}
_QK_NORMS = {"self_attn.q_norm.weight": "attn_q_norm.weight", "self_attn.k_norm.weight": "attn_k_norm.weight"}
_BIASES = {f"self_attn.{each}_proj.bias": f"attn_{each}.bias" for each in "qkv"}

_SILU = only("hidden_act", "silu")
_NO_BIAS = (only("attention_bias", False, None), only("mlp_bias", False, None))
_NO_WINDOW = only("use_sliding_window", False, None)
_PLAIN = {"hidden_act": "silu"}
_UNBIASED = {**_PLAIN, "attention_bias": False, "mlp_bias": False}

_NOPE_EVERY = 4  # llama.cpp's, for SmolLM3
_GLOBAL_EVERY = 6  # and for Gemma 3, where every sixth layer attends to everything
_LOCAL_THETA = 10000.0
_GEMMA3_27B = 62  # layers


def _rotated(config: Config) -> dict[str, Any]:
    return {"rope.dimension_count": rotated_size(config)}


def _within_window(config: Config) -> int:
    """llama.cpp has no window here; up to its length there is nothing that it would leave out."""
    longest = int(config["max_position_embeddings"])
    return min(longest, int(config.get("sliding_window") or longest))


def _every_fourth_without_rope(config: Config) -> str:
    layers = config["num_hidden_layers"]
    known = [int((number + 1) % _NOPE_EVERY != 0) for number in range(layers)]
    if config.get("no_rope_layers") is not None:
        return "" if config["no_rope_layers"][:layers] == known else "no_rope_layers"
    return only("no_rope_layer_interval", _NOPE_EVERY)(config)


def _gemma3_layers(layers: int) -> list[str]:
    return [
        "full_attention" if (number + 1) % _GLOBAL_EVERY == 0 else "sliding_attention"
        for number in range(layers)
    ]


def _every_sixth_is_global(config: Config) -> str:
    if config.get("layer_types") is not None:
        return "" if config["layer_types"] == _gemma3_layers(config["num_hidden_layers"]) else "layer_types"
    return only("sliding_window_pattern", _GLOBAL_EVERY)(config)


def _gemma3_local_rope(config: Config) -> str:
    local = (config.get("rope_parameters") or {}).get("sliding_attention")
    local = local or {"rope_theta": config.get("rope_local_base_freq", _LOCAL_THETA)}
    plain = local.get("rope_type", "default") == "default"
    return "" if plain and local.get("rope_theta") == _LOCAL_THETA else "rope of the sliding layers"


def _gemma3_scalar(layers: int, width: int, heads: int, size: int) -> int:
    """llama.cpp has the scale of the 27 B model for it alone, and knows it by its number of layers."""
    return width // heads if layers == _GEMMA3_27B else size


def _gemma3_scale(config: Config) -> str:
    layers, width, heads = (
        int(config[key]) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads")
    )
    scalar = config["query_pre_attn_scalar"]
    right = scalar == _gemma3_scalar(layers, width, heads, head_size(config))
    return "" if right else f"query_pre_attn_scalar = {scalar!r}"


def _gemma3_config(get: Lookup) -> Config:
    layers, width, heads = (
        int(get(key, 0)) for key in ("block_count", "embedding_length", "attention.head_count")
    )
    return {
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "query_pre_attn_scalar": _gemma3_scalar(
            layers, width, heads, int(get("attention.key_length", width // heads))
        ),
        "sliding_window": int(get("attention.sliding_window", 0)),
        "layer_types": _gemma3_layers(layers),
        "final_logit_softcapping": get("final_logit_softcapping", None),
    }


def _gemma3_rope(rope: dict[str, Any]) -> dict[str, Any]:
    return {
        "full_attention": rope,
        "sliding_attention": {"rope_type": "default", "rope_theta": _LOCAL_THETA},
    }


def _phi3_context(config: Config) -> int:
    stretched = rope_parameters(config)["rope_type"] == "longrope"
    return min(_within_window(config), original_context(config) if stretched else _within_window(config))


def _phi3_settings(config: Config) -> dict[str, Any]:
    settings = {**_rotated(config), "rope.scaling.original_context_length": original_context(config)}
    settings["attention.sliding_window"] = 0  # none is needed within `_phi3_context`
    if rope_parameters(config)["rope_type"] == "longrope":
        settings["rope.scaling.attn_factor"] = longrope_scale(config)
    return settings


def _phi3_config(get: Lookup) -> Config:
    original = int(get("rope.scaling.original_context_length", get("context_length", 0)))
    return {
        **_PLAIN,
        "original_max_position_embeddings": original,
        "sliding_window": int(get("attention.sliding_window", 0)) or None,
    }


_TABLE = (
    Architecture(
        "Qwen3ForCausalLM",
        "qwen3",
        "qwen3",
        {**_LAYER, **_QK_NORMS},
        (*_NO_BIAS, _SILU, _NO_WINDOW, rope_types("default", "linear"), whole_heads_rotate),
        config=lambda _: _UNBIASED,
    ),
    Architecture(
        "Qwen2ForCausalLM",
        "qwen2",
        "qwen2",
        {**_LAYER, **_BIASES},
        (_SILU, _NO_WINDOW, rope_types("default", "linear"), whole_heads_rotate, heads_fill_the_width),
        config=lambda _: {**_PLAIN, "use_sliding_window": False},
    ),
    Architecture(
        "LlamaForCausalLM",
        "llama",
        "llama",
        _LAYER,
        (*_NO_BIAS, _SILU, _NO_WINDOW, rope_types("default", "linear", "llama3"), whole_heads_rotate),
        INTERLEAVED,
        settings=_rotated,
        config=lambda _: _UNBIASED,
    ),
    Architecture(
        "MistralForCausalLM",
        "mistral",
        "llama",
        _LAYER,
        (_SILU, rope_types("default", "linear"), whole_heads_rotate),
        INTERLEAVED,
        defaults={"sliding_window": 4096},
        context=_within_window,
        settings=_rotated,
    ),
    Architecture(
        "SmolLM3ForCausalLM",
        "smollm3",
        "smollm3",
        _LAYER,
        (
            *_NO_BIAS,
            _SILU,
            _NO_WINDOW,
            rope_types("default", "linear"),
            whole_heads_rotate,
            _every_fourth_without_rope,
        ),
        INTERLEAVED,
        defaults={"tie_word_embeddings": True},
        settings=_rotated,
        config=lambda _: {**_UNBIASED, "no_rope_layer_interval": _NOPE_EVERY},
    ),
    Architecture(
        "Phi3ForCausalLM",
        "phi3",
        "phi3",
        {
            **_NORMS,
            "self_attn.qkv_proj.weight": "attn_qkv.weight",
            "self_attn.o_proj.weight": "attn_output.weight",
            "mlp.gate_up_proj.weight": "ffn_up.weight",
            "mlp.down_proj.weight": "ffn_down.weight",
        },
        (_SILU, rope_types("default", "longrope"), heads_fill_the_width),
        context=_phi3_context,
        settings=_phi3_settings,
        config=_phi3_config,
    ),
    Architecture(
        "Gemma3ForCausalLM",
        "gemma3_text",
        "gemma3",
        {
            **_ATTENTION,
            **_QK_NORMS,
            **_FEED_FORWARD,
            "input_layernorm.weight": "attn_norm.weight",
            "post_attention_layernorm.weight": "post_attention_norm.weight",
            "pre_feedforward_layernorm.weight": "ffn_norm.weight",
            "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
        },
        (
            only("attention_bias", False, None),
            only("hidden_activation", "gelu_pytorch_tanh"),
            only("attn_logit_softcapping", None),
            only("final_logit_softcapping", None),
            only("use_bidirectional_attention", False, None),
            rope_types("default", "linear"),
            whole_heads_rotate,
            _every_sixth_is_global,
            _gemma3_local_rope,
            _gemma3_scale,
        ),
        dict.fromkeys(
            (
                "attn_norm.weight",
                "post_attention_norm.weight",
                "ffn_norm.weight",
                "post_ffw_norm.weight",
                "attn_q_norm.weight",
                "attn_k_norm.weight",
                "output_norm.weight",
            ),
            PLUS_ONE,
        ),
        defaults={
            "head_dim": 256,
            "query_pre_attn_scalar": 256,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "max_position_embeddings": 131_072,
            "sliding_window": 4096,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": True,
        },
        settings=lambda config: {"attention.sliding_window": int(config["sliding_window"])},
        config=_gemma3_config,
        rope=_gemma3_rope,
    ),
)
FAMILIES = {each.declared: each for each in _TABLE}
"""By transformers' class."""
READ = {each.name: each for each in reversed(_TABLE)}
"""By llama.cpp's name, the first of the table. Its files of Mistral say llama, and are computed as such."""


def architecture_of(config: Config, where: str) -> Architecture:
    """The table's row for a model's `config.json`.

    Raises:
        ModelError: an architecture or a setting that this writer would get wrong.
    """
    declared = (config.get("architectures") or ["none"])[0]
    if declared not in FAMILIES:
        raise _refused(f"{declared} cannot be written as GGUF; supported: {', '.join(FAMILIES)}", where)
    family = FAMILIES[declared]
    problems = family.problems({**family.defaults, **config})
    if problems:
        raise _refused(f"{declared} with {', '.join(problems)} cannot be written as GGUF", where)
    return family


def _refused(what: str, where: str) -> ModelError:
    return ModelError(what, where=where, next_command="narrowcast export --formats adapter,merged")
