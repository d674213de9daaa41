"""Whether the lengths that a GGUF file states fit into it, looked at before a reader believes them.

A damaged length sends the library's reader through millions of empty values. This walk skips what it does not
need, and ends at the first length beyond the file. Format: ggml's `docs/gguf.md`, versions 2 and 3.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Type of a value to its bytes."""
_STRING, _ARRAY = 8, 9
_DEEPEST = 4  # arrays within arrays


def require_lengths_within(path: Path) -> None:
    """Walk the metadata of a little-endian file; of others the library's reader says what is wrong.

    Raises:
        ValueError: a length beyond the end of the file, or a type that GGUF does not have.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if len(data) < 24 or not 2 <= struct.unpack_from("<I", data, 4)[0] <= 3:
                return
            place = 24
            for _ in range(struct.unpack_from("<Q", data, 16)[0]):
                place = _value(data, _string(data, place), 0)


def _value(data: mmap.mmap, place: int, depth: int, kind: int | None = None) -> int:
    """The place behind a value, whose type is read first where it is not given."""
    if kind is None:
        kind, place = _number(data, place, "<I")
    if kind in _SCALARS:
        return _within(data, place + _SCALARS[kind])
    if kind == _STRING:
        return _string(data, place)
    if kind != _ARRAY or depth == _DEEPEST:
        raise ValueError(f"a value has the type {kind}")
    kind, place = _number(data, place, "<I")
    count, place = _number(data, place, "<Q")
    if kind in _SCALARS:
        return _within(data, place + count * _SCALARS[kind])
    for _ in range(count):
        place = _value(data, place, depth + 1, kind)
    return place


def _string(data: mmap.mmap, place: int) -> int:
    length, place = _number(data, place, "<Q")
    return _within(data, place + length)


def _number(data: mmap.mmap, place: int, form: str) -> tuple[int, int]:
    end = _within(data, place + struct.calcsize(form))
    return int(struct.unpack_from(form, data, place)[0]), end


def _within(data: mmap.mmap, end: int) -> int:
    if end > len(data):
        raise ValueError("a length lies beyond the end of the file")
    return end
