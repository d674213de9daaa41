"""Rows of a source on disk, one JSON object per line, records that could not be parsed included."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from narrowcast.core.row import SourceRow
from narrowcast.core.work import Work
from narrowcast.store.files import atomic_writer, read_jsonl
from narrowcast.store.json_text import encode_all, line_encoder

_BATCH_ROWS = 100
_BATCH_BYTES = 1 << 18

_encode = line_encoder(allow_nan=False)
Row = TypeVar("Row")


class StoredRows(BaseModel):
    """What `write_source_rows` wrote."""

    rows: int
    unparseable: int
    sha256: str


class Batches(Generic[Row]):
    """Rows in lists that are encoded and written together, with progress and cancellation.

    A list is as long as the one before would have been within `_BATCH_BYTES`, so that memory stays bounded.

    Args:
        rows: are read as they are needed.
        work: shows progress, and stops the iteration with a `CancelledError`.
    """

    def __init__(self, rows: Iterable[Row], work: Work) -> None:
        self._rows = iter(rows)
        self._work = work
        self._size = 1

    def __iter__(self) -> Iterator[list[Row]]:
        while batch := list(islice(self._rows, self._size)):
            yield batch
            self._work.cancel.check()
            self._work.progress.advance(len(batch))

    def took(self, written: int) -> None:
        """Say how many bytes the last list became."""
        self._size = max(1, min(_BATCH_ROWS, self._size * _BATCH_BYTES // max(1, written)))


def write_source_rows(rows: Iterable[SourceRow], path: Path, work: Work) -> StoredRows:
    """Write every row; the file is whole or absent.

    Raises:
        DataError: if the source cannot be read to its end.
        CancelledError: on request; nothing is left behind.
        WorkspaceError: if the disk refuses.
    """
    digest, count, bad = hashlib.sha256(), 0, 0
    with atomic_writer(path) as file:
        for batch in (batches := Batches(rows, work)):
            lines, unreadable = _lines(batch)
            file.write(lines)
            digest.update(lines)
            count += len(batch)
            bad += unreadable
            batches.took(len(lines))
    return StoredRows(rows=count, unparseable=bad, sha256=digest.hexdigest())


def read_source_rows(path: Path) -> Iterator[SourceRow]:
    """The rows of such a file, in order."""
    return map(SourceRow.from_dict, read_jsonl(path))


def hash_source_rows(rows: Iterable[SourceRow], work: Work) -> str:
    """SHA-256 of the file that `write_source_rows` would write."""
    digest = hashlib.sha256()
    for batch in (batches := Batches(rows, work)):
        lines, _ = _lines(batch)
        digest.update(lines)
        batches.took(len(lines))
    return digest.hexdigest()


def _lines(rows: list[SourceRow]) -> tuple[bytes, int]:
    """The stored form of some rows, and how many of them are unparseable."""
    plain = [row.error is None and row.record is None for row in rows]
    with suppress(ValueError, TypeError, RecursionError):  # a row without a JSON form, found below
        values = [row.data if each else row.to_dict() for row, each in zip(rows, plain, strict=True)]
        texts = encode_all(values, allow_nan=False)
        lines = [
            f'{{"index":{row.index},"data":{text}}}\n' if each else f"{text}\n"
            for row, each, text in zip(rows, plain, texts, strict=True)
        ]
        return "".join(lines).encode("utf-8"), sum(row.error is not None for row in rows)
    singly = [_line(row) for row in rows]
    return b"".join(line for line, _ in singly), sum(not readable for _, readable in singly)


def _line(row: SourceRow) -> tuple[bytes, bool]:
    """The stored form; a value without a JSON form (half a surrogate) makes the row unparseable.

    A number that is none, or too large for a float, such as `1e400`, is null.
    """
    try:
        return (_encode(_finite(row.to_dict())) + "\n").encode("utf-8"), row.error is None
    except (ValueError, TypeError, RecursionError) as error:
        raw = repr(row.data if row.raw is None else row.raw)[:2_000]
        sentinel = SourceRow(row.index, error=f"a value has no JSON form: {error}", raw=raw)
        text = json.dumps(sentinel.to_dict())
        return f"{text}\n".encode(), False


def _finite(value: Any) -> Any:
    """The value with null for infinities and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list) else value
