"""What a model directory holds, read without loading it; pickles and unknown code are refused."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from narrowcast.errors import ModelError
from narrowcast.faults import first_line

Form = TypeVar("Form")

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_WHOLE_HASH_LIMIT = 2 << 30  # bytes; a larger file is hashed by its header, its size and 64 sampled blocks
_SAMPLE_BLOCK, _SAMPLES = 1 << 20, 64


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model directory that can be loaded.

    Attributes:
        path: the directory.
        architecture: transformers' model type.
        context_length: longest sequence in tokens.
        parameters: number of stored weights.
        weights: safetensors files, in order.
    """

    path: Path
    architecture: str
    context_length: int
    parameters: int
    weights: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of the weight files."""
        return sum(file.stat().st_size for file in self.weights)

    def fingerprint(self) -> str:
        """SHA-256 over configuration, tokenizer and weights.

        Weight files up to 2 GiB count whole; larger ones by header, size and 64 evenly spaced MiB, so that
        a 14 B model is not read from end to end at each start.
        """
        names = ("config.json", *_TOKENIZER_FILES)
        return digest_of(self.path, [name for name in names if (self.path / name).exists()], self.weights)


def digest_of(path: Path, names: Iterable[str], weights: Iterable[Path]) -> str:
    """SHA-256 over small files, which count whole, and weight files, see `ModelFolder.fingerprint`."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\n".encode())
        digest.update(hashlib.sha256((path / name).read_bytes()).digest())
    for file in weights:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        digest.update(_weights_digest(file))
    return digest.hexdigest()


def read_model_folder(path: Path) -> ModelFolder:
    """Check a model directory.

    Raises:
        ModelError: no configuration, pickled weights, missing shards, remote code, unknown architecture or
            no chat template; says which.
    """
    config = _config(path)
    architecture = str(config.get("model_type", ""))
    if architecture not in _known_architectures():
        # Some known architectures carry an auto_map too; transformers' own code is used for those.
        own_code = "the model brings code of its own, which is never run; " if "auto_map" in config else ""
        raise _refuse(f"{own_code}unknown architecture {architecture!r}", path)
    _check_tokenizer(path)
    weights = weight_files(path)
    return ModelFolder(
        path=path,
        architecture=architecture,
        context_length=_context_length(config, path),
        parameters=stored_values(weights),
        weights=weights,
    )


def weight_files(path: Path) -> tuple[Path, ...]:
    """The safetensors files of a model directory.

    Raises:
        ModelError: none, only pickled ones, or a shard is missing.
    """
    single, index = path / "model.safetensors", path / "model.safetensors.index.json"
    if single.exists():
        return (single,)
    if index.exists():
        files = sorted({path / name for name in _shard_names(index)})
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise _refuse(f"weight files are missing: {', '.join(missing)}", path)
        return tuple(files)
    if any(path.glob("*.bin")) or any(path.glob("*.pt")):
        raise _refuse("the weights are pickled; only safetensors are read", path)
    raise _refuse("there are no weights (model.safetensors)", path)


def _shard_names(index: Path) -> set[str]:
    """The files that an index lists; a name with a folder in it would lead out of the model directory."""
    listed = read_object(index).get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) and _hashable(listed) else set()
    odd = [name for name in names if not isinstance(name, str) or Path(name).name != name]
    if odd or not names:
        what = f"names {odd[0]!r}, which lies outside this folder" if odd else "lists no files"
        raise _refuse(f"{index.name} {what}", index.parent)
    return names


def _hashable(listed: dict[str, Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in listed.values())


def _config(path: Path) -> dict[str, Any]:
    if not (path / "config.json").exists():
        raise _refuse("the folder is not a model directory: config.json is missing", path)
    return read_object(path / "config.json")


def _context_length(config: dict[str, Any], path: Path) -> int:
    text = config.get("text_config") or config
    length = text.get("max_position_embeddings", 2048) if isinstance(text, dict) else None
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise _refuse(f"config.json says no context length: max_position_embeddings is {length!r}", path)
    return length


def read_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file of a model directory.

    Raises:
        ModelError: if the file cannot be read, or holds something else.
    """
    return _read(file, dict, "object")


def read_list(file: Path) -> list[Any]:
    """The list in a JSON file of a model directory; raises what `read_object` raises."""
    return _read(file, list, "list")


def _read(file: Path, kind: type[Form], name: str) -> Form:
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise _refuse(f"{file.name} is not JSON: {first_line(error)}", file.parent) from error
    if not isinstance(value, kind):
        raise _refuse(f"{file.name} holds no {name}", file.parent)
    return value


def _check_tokenizer(path: Path) -> None:
    if not any((path / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        raise _refuse("there is no tokenizer (tokenizer.json)", path)
    settings = path / "tokenizer_config.json"
    inline = read_object(settings) if settings.exists() else {}
    longest = inline.get("model_max_length")
    if longest is not None and (isinstance(longest, bool) or not isinstance(longest, int | float)):
        raise _refuse(f"{settings.name}: model_max_length is {longest!r}, not a number", path)
    if not (path / "chat_template.jinja").exists() and not inline.get("chat_template"):
        raise _refuse("the model has no chat template; take an instruction-tuned variant", path)


def _known_architectures() -> set[str]:
    from narrowcast.plugins.optional import require

    require("transformers", purpose="loading a model")
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def stored_values(weights: Iterable[Path]) -> int:
    """How many values the tensors of weight files have."""
    return sum(_tensor_sizes(file) for file in weights)


def _header(file: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            raw = stream.read(min(length, file.stat().st_size))
        header = json.loads(raw)
    except (struct.error, ValueError, RecursionError, OSError) as error:
        raise _no_weights(file, first_line(error)) from error
    if not isinstance(header, dict):
        raise _no_weights(file, "its header holds no object")
    return raw, header


def _tensor_sizes(file: Path) -> int:
    """How many values the tensors of a file have."""
    entries = {name: entry for name, entry in _header(file)[1].items() if name != "__metadata__"}
    for name, entry in entries.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise _no_weights(file, f"the tensor {name!r} has no shape")
    return sum(math.prod(entry["shape"]) for entry in entries.values())


def _no_weights(file: Path, why: str) -> ModelError:
    return _refuse(f"{file.name} is not a safetensors file: {why}", file.parent)


def _weights_digest(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _WHOLE_HASH_LIMIT:
            return hashlib.file_digest(stream, "sha256").digest()
        digest = hashlib.sha256(_header(file)[0])
        for number in range(_SAMPLES):
            stream.seek(number * (size - _SAMPLE_BLOCK) // (_SAMPLES - 1))
            digest.update(stream.read(_SAMPLE_BLOCK))
        return digest.digest()


def _refuse(what: str, path: Path) -> ModelError:
    return ModelError(what, where=str(path), next_command="narrowcast models list")
