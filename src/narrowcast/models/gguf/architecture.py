"""What a family of models is in a GGUF file; the families themselves are in `families`.

Tensor names and metadata keys are llama.cpp's (`gguf-py/gguf/constants.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.models.gguf.rotary import (
    Config,
    head_size,
    permute_rows,
    restore_rows,
    rope_parameters,
    rotated_size,
)

Rule = Callable[[Config], str]
"""What about a configuration llama.cpp would compute otherwise; empty where nothing is."""
Lookup = Callable[[str, Any], Any]
"""A metadata key of the architecture, without its prefix, and a default; to the value."""


@dataclass(frozen=True, slots=True)
class Change:
    """How a tensor's values in the file differ from transformers'; from an array and the configuration."""

    write: Callable[[Any, Config], Any]
    restore: Callable[[Any, Config], Any]


def _whole_context(config: Config) -> int:
    return int(config["max_position_embeddings"])


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _alike(rope: dict[str, Any]) -> dict[str, Any]:
    return rope


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family."""

    declared: str
    """transformers' class."""
    model_type: str
    """transformers' name."""
    name: str
    """llama.cpp's, the prefix of the metadata keys."""
    layer: Mapping[str, str]
    """Tensor names inside a layer, transformers' to llama.cpp's."""
    rules: tuple[Rule, ...]
    """What a configuration must fulfil so that llama.cpp computes the same."""
    changes: Mapping[str, Change] = field(default_factory=dict)
    """By llama.cpp's name, without the number of the layer."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What transformers takes where `config.json` is silent."""
    context: Callable[[Config], int] = _whole_context
    """The longest sequence that llama.cpp computes as transformers does."""
    settings: Callable[[Config], dict[str, Any]] = _nothing
    """Metadata beyond what all families have, by key without prefix."""
    config: Callable[[Lookup], Config] = _nothing
    """What a file's metadata say of the configuration, beyond what all families have."""
    rope: Callable[[dict[str, Any]], dict[str, Any]] = _alike
    """Where transformers keeps the rope settings of a file."""

    def problems(self, config: Config) -> list[str]:
        """Settings that would come out wrong."""
        return [problem for rule in self.rules if (problem := rule(config))]

    def change(self, name: str) -> Change:
        """What is done to a tensor of the file."""
        return self.changes.get(name.split(".", 2)[2] if name.startswith("blk.") else name, _NONE)

    def tensor_names(self, config: Config) -> dict[str, str]:
        """Transformers' tensor names to llama.cpp's, in the order in which they are written."""
        names = {"model.embed_tokens.weight": "token_embd.weight"}
        for index in range(config["num_hidden_layers"]):
            for theirs, ours in self.layer.items():
                names[f"model.layers.{index}.{theirs}"] = f"blk.{index}.{ours}"
        names["model.norm.weight"] = "output_norm.weight"
        if not config.get("tie_word_embeddings", False):
            names["lm_head.weight"] = "output.weight"
        return names


def _unchanged(array: Any, _: Config) -> Any:
    return array


_NONE = Change(_unchanged, _unchanged)


def _key_heads(config: Config) -> int:
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])


_QUERIES = Change(
    lambda array, config: permute_rows(array, config["num_attention_heads"]),
    lambda array, config: restore_rows(array, config["num_attention_heads"]),
)
_KEYS = Change(
    lambda array, config: permute_rows(array, _key_heads(config)),
    lambda array, config: restore_rows(array, _key_heads(config)),
)
INTERLEAVED = {"attn_q.weight": _QUERIES, "attn_k.weight": _KEYS}
"""Families whose rotary pairs llama.cpp has side by side."""
PLUS_ONE = Change(lambda array, _: array + 1, lambda array, _: array - 1)
"""A norm that multiplies with one plus its weight."""


def only(key: str, *allowed: Any) -> Rule:
    """A setting that may be absent or one of these."""

    def rule(config: Config) -> str:
        return "" if config.get(key, allowed[0]) in allowed else f"{key} = {config[key]!r}"

    return rule


def rope_types(*allowed: str) -> Rule:
    """Kinds of rope scaling."""

    def rule(config: Config) -> str:
        kind = rope_parameters(config)["rope_type"]
        return "" if kind in allowed else f"rope_type = {kind!r}"

    return rule


def whole_heads_rotate(config: Config) -> str:
    """No part of a head is left as it is."""
    return "" if rotated_size(config) == head_size(config) else "partial_rotary_factor"


def heads_fill_the_width(config: Config) -> str:
    """All heads side by side are as wide as the model."""
    return "" if head_size(config) * config["num_attention_heads"] == config["hidden_size"] else "head_dim"
