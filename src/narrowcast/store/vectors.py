"""Vectors of texts that an encoder has read, in the workspace: what is asked for again is not computed again.

    vectors/<version>/keys      8 bytes a text, of its SHA-256
    vectors/<version>/vectors   as many float32 as the encoder has dimensions, in the order of the keys

A vector is written before its key, and the keys say how many there are, so what a kill leaves is overwritten.
Who reads shares a lock, so that the keys it has read and the vectors it maps are of one time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from narrowcast.core.hashing import short
from narrowcast.store.files import disk_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOLDER = "vectors"
_MOST = 1_000_000  # of one encoder: 1.5 GB at 384 dimensions; further ones are not kept
_KEY = 8


def text_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The first 64 bits of the SHA-256 of each text."""
    import numpy as np

    hashes = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY] for text in texts)
    return np.frombuffer(b"".join(hashes), dtype=np.uint64)


def drop_vectors(home: Path) -> None:
    """Remove the vectors of all encoders: texts can be guessed from them."""
    for folder in sorted((home / _FOLDER).glob("*/")):
        with _locked(folder, fcntl.LOCK_EX):
            shutil.rmtree(folder)
    with suppress(OSError):  # it was not there, or another process has begun to keep vectors again
        (home / _FOLDER).rmdir()


class VectorCache:
    """The kept vectors of one encoder; several processes may use them at a time.

    Args:
        home: the workspace.
        version: hash of the encoder's weights.
        dimensions: of a vector.
    """

    def __init__(self, home: Path, version: str, dimensions: int) -> None:
        self._folder = home / _FOLDER / short(version)
        self._row = 4 * dimensions
        self._dimensions = dimensions

    def get(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A vector for each key, of shape (keys, dimensions), and whether it was found; zeros where not."""
        import numpy as np

        vectors = np.zeros((len(keys), self._dimensions), dtype=np.float32)
        known = np.zeros(len(keys), dtype=np.bool_)
        if not self._folder.is_dir() or not len(keys):
            return vectors, known
        with _locked(self._folder, fcntl.LOCK_SH):
            kept = self._keys()
            if not len(kept):
                return vectors, known
            order = np.argsort(kept, kind="stable")
            place = np.minimum(np.searchsorted(kept, keys, sorter=order), len(kept) - 1)
            known = kept[order[place]] == keys
            shape = (len(kept), self._dimensions)
            stored = np.memmap(self._folder / "vectors", dtype=np.float32, mode="r", shape=shape)
            vectors[known] = stored[order[place[known]]]
        return vectors, known

    def add(self, keys: NDArray[np.uint64], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors of these keys, as far as there is room."""
        with _locked(self._folder, fcntl.LOCK_EX):
            count = len(self._keys())
            room = max(0, _MOST - count)
            self._write("vectors", count * self._row, vectors[:room].tobytes())
            self._write("keys", count * _KEY, keys[:room].tobytes())

    def _keys(self) -> NDArray[np.uint64]:
        """Keys whose vectors are there."""
        import numpy as np

        try:
            stored = (self._folder / "keys").read_bytes()
            size = (self._folder / "vectors").stat().st_size
        except FileNotFoundError:
            return np.zeros(0, dtype=np.uint64)
        count = min(len(stored) // _KEY, size // self._row)
        return np.frombuffer(stored, dtype=np.uint64, count=count)

    def _write(self, name: str, place: int, data: bytes) -> None:
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(place)
            file.seek(place)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    """Alone, or with others that read."""
    with disk_errors(folder):
        lock = _lock(folder, kind)
        while not os.fstat(lock.fileno()).st_nlink:  # a deletion has removed it while this waited
            lock.close()
            lock = _lock(folder, kind)
        with lock:
            yield


def _lock(folder: Path, kind: int) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a")
    fcntl.flock(lock, kind)
    return lock
