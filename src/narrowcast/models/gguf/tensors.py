"""Safetensors read one tensor at a time, without torch: numpy has no bfloat16, so it is widened here."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError

_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where one tensor lies; `read` maps it into memory and widens it to float32."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int

    def read(self) -> Any:
        """A float32 array of `shape`."""
        import numpy as np

        raw = np.memmap(self.file, dtype=_DTYPES[self.dtype], mode="r", offset=self.offset, shape=self.shape)
        if self.dtype == "BF16":
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32)


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of a model folder, whether in one file or in shards.

    Raises:
        ModelError: no safetensors file, a cut or foreign file, or a type that is not floating point.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError("the folder holds no safetensors weights", where=str(folder))
    tensors: dict[str, StoredTensor] = {}
    for file in files:
        tensors.update(_tensors_of(file))
    return tensors


def _tensors_of(file: Path) -> Iterator[tuple[str, StoredTensor]]:
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length)) if length < size else None
    except (struct.error, ValueError) as error:
        raise ModelError("the weights are not a safetensors file", where=str(file)) from error
    if not isinstance(header, dict):
        raise ModelError("the weights are not a safetensors file, or were cut", where=str(file))
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in _DTYPES:
            raise ModelError(
                f"tensor {name} is {entry['dtype']}; only F32, F16 and BF16 weights are exported",
                where=str(file),
            )
        start, end = entry["data_offsets"]
        if 8 + length + end > size:
            raise ModelError("the weights file was cut", where=str(file))
        yield name, StoredTensor(file, entry["dtype"], tuple(entry["shape"]), 8 + length + start)
