"""A damaged length in a GGUF file is refused, however large it is."""

import struct
import time
from pathlib import Path

import pytest

from narrowcast.errors import ModelError
from narrowcast.models.gguf.reader import read_gguf


def _file(path: Path, kind: int, count: int, *, pairs: int = 1) -> Path:
    """A file with an array as its only value, and 4 MB of zeros behind it."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, pairs)
    name = struct.pack("<Q", 1) + b"a"
    path.write_bytes(head + name + struct.pack("<IIQ", 9, kind, count) + bytes(4 << 20))
    return path


@pytest.mark.parametrize(
    ("kind", "count", "pairs"),
    [(8, 1 << 50, 1), (0, 1 << 50, 1), (6, (1 << 63), 1), (9, 1 << 40, 1), (99, 3, 1), (8, 2, 1 << 60)],
)
def test_a_length_beyond_the_file_is_refused(kind: int, count: int, pairs: int, tmp_path: Path) -> None:
    began = time.process_time()
    with pytest.raises(ModelError, match="not GGUF, or was cut"):
        read_gguf(_file(tmp_path / "damaged.gguf", kind, count, pairs=pairs))
    assert time.process_time() - began < 10


def test_lengths_that_fit_are_read(tmp_path: Path) -> None:
    assert read_gguf(_file(tmp_path / "whole.gguf", 8, 3)).metadata["a"] == ["", "", ""]
