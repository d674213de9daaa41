"""A GGUF file as a model folder that can be trained: weights, configuration, tokenizer and chat template.

The reverse of `writer`, for the same families and tokenizers. Quantised weights are dequantised, and
stay what they are: a coarse copy of the original. Nothing is guessed: whatever the folder would get wrong is
refused, and the vocabulary that was written is read back and compared with the file's.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.models.gguf.families import READ
from narrowcast.models.gguf.reader import GgufContent, GgufTensor, read_gguf
from narrowcast.models.gguf.rotary import llama3_factors
from narrowcast.models.gguf.tokenizer_files import (
    ForeignTokenizerError,
    special_token,
    write_json,
    write_tokenizer,
)
from narrowcast.plugins.optional import require

_FLOATS = ("F32", "F16", "BF16")
_FACTORS = "rope_freqs.weight"
_SHORT, _LONG = "rope_factors_short.weight", "rope_factors_long.weight"
_STRETCHED = {"short": _SHORT, "long": _LONG}
_COMPUTED = (_FACTORS, _SHORT, _LONG)
# Meta's settings for Llama 3.1 and 3.2; the file holds only the divisors that follow from them.
_LLAMA3_FACTORS = (8.0, 32.0)
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


@dataclass(frozen=True, slots=True)
class GgufOrigin:
    """What a model folder was made from.

    Attributes:
        architecture: llama.cpp's name.
        kinds: type of the matrices to their number: `{"Q4_1": 210, "Q8_0": 1}`.
        name: as the file calls the model; mostly empty.
        licence: as the file says; empty where it does not.
        base: what the model was tuned from, as the file says; mostly empty.
    """

    architecture: str
    kinds: dict[str, int]
    name: str
    licence: str
    base: str = ""

    @property
    def quantised(self) -> str:
        """The type of most matrices where they are quantised, else empty."""
        most = max(self.kinds, key=lambda kind: self.kinds[kind], default="F32")
        return "" if most in _FLOATS else most

    @property
    def note(self) -> str:
        """In words, what differs from an original."""
        tuned = f"tuned from {self.base}" if self.base else ""
        rounded = f"dequantised from {self.quantised}" if self.quantised else ""
        return ", ".join(filter(None, (tuned, rounded)))


def write_model_folder(file: Path, folder: Path) -> GgufOrigin:
    """Write `folder` (which exists and is empty) from a GGUF file.

    Raises:
        ModelError: another kind of file, an architecture, tokenizer or setting that would not come out equal,
            or no chat template.
        MissingExtraError: without gguf, numpy and torch.
    """
    require("gguf", "numpy", "torch", purpose="reading GGUF")
    content = read_gguf(file, "narrowcast models import FILE")
    source = _Source(content, file)
    config = _config(source)
    names = _tensor_names(source, config)
    write_json(folder / "config.json", config)
    try:
        write_tokenizer(content.metadata, folder, config["vocab_size"], config["max_position_embeddings"])
    except ForeignTokenizerError as error:
        raise source.refuse(str(error)) from None
    _write_weights(folder / "model.safetensors", _weights(source, config, names))
    kinds: dict[str, int] = {}
    for tensor in content.tensors:
        if len(tensor.shape) > 1:
            kinds[tensor.kind] = kinds.get(tensor.kind, 0) + 1
    metadata = content.metadata
    return GgufOrigin(
        architecture=str(metadata["general.architecture"]),
        kinds=kinds,
        name=str(metadata.get("general.name", "")),
        licence=str(metadata.get("general.license") or metadata.get("general.license.name", "")),
        base=str(metadata.get("general.base_model.0.name", "")),
    )


class _Source:
    """A file with its metadata at hand."""

    def __init__(self, content: GgufContent, file: Path) -> None:
        self.metadata = content.metadata
        self.tensors = {tensor.name: tensor for tensor in content.tensors}
        self.file = file
        self.name = str(content.metadata.get("general.architecture", "none"))
        if self.name not in READ:
            raise self.refuse(
                f"the architecture {self.name} is not read; known are {', '.join(sorted(READ))}"
            )
        self.architecture = READ[self.name]

    def setting(self, key: str, default: Any = None) -> Any:
        """A value of the architecture."""
        return self.metadata.get(f"{self.name}.{key}", default)

    def vector(self, name: str) -> Any:
        """A tensor of one dimension."""
        import numpy as np

        return np.concatenate([values.reshape(-1) for _, values in self.tensors[name].values()])

    def number(self, key: str) -> int:
        """A whole number that must be there; a list (one value per layer) is refused."""
        value = self.setting(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.refuse(f"{self.name}.{key} is {value!r}, not one whole number")
        return value

    def refuse(self, what: str) -> ModelError:
        """The error that names the file."""
        return ModelError(
            f"the GGUF file cannot become a base model: {what}",
            where=str(self.file),
            next_command="narrowcast models list",
        )


def _config(source: _Source) -> dict[str, Any]:
    if source.setting("expert_count"):
        raise source.refuse("it is a mixture of experts")
    heads = source.number("attention.head_count")
    width = source.number("embedding_length")
    rows = source.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in source.tensors else 0
    size = source.setting("attention.key_length") or source.setting("rope.dimension_count") or width // heads
    floats = all(each.kind in ("F32", "F16") for each in source.tensors.values())
    family = source.architecture
    return {
        "architectures": [family.declared],
        "model_type": family.model_type,
        "attention_dropout": 0.0,
        "bos_token_id": special_token(source.metadata, "bos"),
        "dtype": "float32" if floats else "bfloat16",
        "eos_token_id": special_token(source.metadata, "eos"),
        "head_dim": int(size),
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": source.number("feed_forward_length"),
        "max_position_embeddings": source.number("context_length"),
        "num_attention_heads": heads,
        "num_hidden_layers": source.number("block_count"),
        "num_key_value_heads": source.setting("attention.head_count_kv", heads),
        "pad_token_id": special_token(source.metadata, "padding"),
        # A float32 of the file, read as the decimal number that its publisher wrote.
        "rms_norm_eps": _decimal(source.setting("attention.layer_norm_rms_epsilon", 1e-6)),
        "rope_parameters": family.rope(_rope(source, int(size))),
        "tie_word_embeddings": "output.weight" not in source.tensors,
        "use_cache": True,
        "vocab_size": rows,
        **family.config(source.setting),
    }


def _decimal(value: float) -> float:
    import numpy as np

    return float(str(np.float32(value)))  # the shortest decimal that is this float32


def _rope(source: _Source, size: int) -> dict[str, Any]:
    rope: dict[str, Any] = {"rope_theta": float(source.setting("rope.freq_base", 10000.0))}
    rotated = int(source.setting("rope.dimension_count") or size)
    if rotated != size:
        rope["partial_rotary_factor"] = rotated / size
    kind = source.setting("rope.scaling.type", "none")
    if _FACTORS in source.tensors:
        return _llama3(source, rope, size)
    if _SHORT in source.tensors:
        return {
            "rope_type": "longrope",
            **rope,
            **{
                f"{name}_factor": [_decimal(value) for value in source.vector(each)]
                for name, each in _STRETCHED.items()
            },
            "attention_factor": _decimal(source.setting("rope.scaling.attn_factor", 1.0)),
            "original_max_position_embeddings": source.number("rope.scaling.original_context_length"),
        }
    if kind == "linear":
        return {"rope_type": "linear", **rope, "factor": float(source.setting("rope.scaling.factor", 1.0))}
    if kind != "none":
        raise source.refuse(f"rope.scaling.type is {kind}")
    return {"rope_type": "default", **rope}


def _llama3(source: _Source, rope: Mapping[str, Any], size: int) -> dict[str, Any]:
    import numpy as np

    factors = source.vector(_FACTORS)
    for factor in _LLAMA3_FACTORS:
        tried = {"rope_type": "llama3", **rope, "factor": factor, **_LLAMA3}
        expected = llama3_factors(tried, size)
        if factors.shape == expected.shape and np.allclose(factors, expected, rtol=1e-4):
            return tried
    raise source.refuse("its rotary frequencies follow no rule that is known here (rope_freqs.weight)")


def _tensor_names(source: _Source, config: Mapping[str, Any]) -> dict[str, str]:
    """Transformers' names to the file's, all of them and no others."""
    names = source.architecture.tensor_names(dict(config))
    missing = [ours for ours in names.values() if ours not in source.tensors]
    foreign = [name for name in source.tensors if name not in names.values() and name not in _COMPUTED]
    if missing or foreign:
        raise source.refuse(
            f"{len(missing)} tensors are missing and {len(foreign)} unknown, e.g. {(missing + foreign)[0]}"
        )
    return names


def _weights(
    source: _Source, config: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[tuple[str, GgufTensor, Callable[[], Any]]]:
    """Each tensor with transformers' name, and the function that reads it; one at a time is in memory."""
    for theirs, ours in names.items():
        yield theirs, source.tensors[ours], _reader(source, config, ours)


def _reader(source: _Source, config: Mapping[str, Any], name: str) -> Callable[[], Any]:
    def read() -> Any:
        import numpy as np

        tensor = source.tensors[name]
        array = np.concatenate([values for _, values in tensor.values()]).reshape(tensor.shape)
        if not np.isfinite(array).all():
            raise source.refuse(f"the tensor {name} holds values that are not finite")
        return source.architecture.change(name).restore(array, dict(config))

    return read


def _write_weights(path: Path, weights: Iterator[tuple[str, GgufTensor, Callable[[], Any]]]) -> None:
    """Safetensors, tensor by tensor: float types as they are, dequantised ones in bfloat16.

    What quantising has lost is hundreds of times more than what bfloat16 rounds away.
    """
    import torch

    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset, readers = 0, []
    for name, tensor, read in weights:
        dtype = {"F32": torch.float32, "F16": torch.float16}.get(tensor.kind, torch.bfloat16)
        size = torch.Size(tensor.shape).numel() * dtype.itemsize
        kind = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}[dtype]
        header[name] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
        readers.append((read, dtype))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for read, dtype in readers:
            values = torch.from_numpy(read()).to(dtype).contiguous()
            file.write(values.view(torch.uint8).numpy().tobytes())
