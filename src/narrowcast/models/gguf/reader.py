"""A GGUF file as it lies on the disk: key-value pairs and tensors, mapped and not loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.models.gguf.lengths import require_lengths_within
from narrowcast.plugins.optional import require

_VALUES = 1 << 22  # weights that are dequantised together: 16 MiB


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor.

    Attributes:
        name: llama.cpp's.
        shape: rows first, as numpy has it.
        kind: `F32`, `F16`, `BF16`, `Q8_0`, `Q4_K`, ...
        data: bytes or values, mapped; one line a row.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    data: Any

    def values(self) -> Iterator[tuple[slice, Any]]:
        """The weights as float32, some rows at a time: which rows, and an array of them."""
        import gguf

        kind = gguf.GGMLQuantizationType[self.kind]
        lines = self.data if len(self.shape) > 1 else self.data.reshape(1, -1)
        width = self.shape[-1]
        step = max(1, _VALUES // width)
        for start in range(0, len(lines), step):
            rows = slice(start, min(start + step, len(lines)))
            yield rows, gguf.quants.dequantize(lines[rows], kind).reshape(-1, width)


@dataclass(frozen=True, slots=True)
class GgufContent:
    """What a file holds.

    Attributes:
        metadata: key-value pairs; arrays are lists.
        tensors: in the order of the file.
    """

    metadata: dict[str, Any]
    tensors: list[GgufTensor]


def read_gguf(path: Path, way_out: str = "narrowcast export --force") -> GgufContent:
    """Map a file.

    Args:
        path: of the file.
        way_out: the next command if it cannot be read.

    Raises:
        ModelError: if it is another kind of file, or was cut.
    """
    require("gguf", "numpy", purpose="reading GGUF")
    import gguf

    try:
        require_lengths_within(path)
        reader = gguf.GGUFReader(path)
        metadata = {
            name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")
        }
    except (ValueError, KeyError, IndexError, OSError, OverflowError, TypeError) as error:
        raise ModelError(
            f"the file is not GGUF, or was cut: {error}",
            where=str(path),
            next_command=way_out,
        ) from error
    tensors = [
        GgufTensor(each.name, tuple(map(int, reversed(each.shape))), each.tensor_type.name, each.data)
        for each in reader.tensors
    ]
    return GgufContent(metadata, tensors)
