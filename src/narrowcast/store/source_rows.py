"""Rows of a source on disk, one JSON object per line, records that could not be parsed included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from narrowcast.core.row import SourceRow
from narrowcast.core.work import Work
from narrowcast.store.files import atomic_writer, line_encoder, read_jsonl

EVERY = 1_000
"""Rows between two updates of the progress and two checks of the cancel token."""

_encode = line_encoder(allow_nan=False)


class StoredRows(BaseModel):
    """What `write_source_rows` wrote."""

    rows: int
    unparseable: int
    sha256: str


def write_source_rows(rows: Iterable[SourceRow], path: Path, work: Work) -> StoredRows:
    """Write every row; the file is whole or absent.

    Raises:
        DataError: if the source cannot be read to its end.
        CancelledError: on request; nothing is left behind.
        WorkspaceError: if the disk refuses.
    """
    digest, count, bad = hashlib.sha256(), 0, 0
    with atomic_writer(path) as file:
        for row in rows:
            line, readable = _line(row)
            file.write(line)
            digest.update(line)
            count += 1
            bad += not readable
            if count % EVERY == 0:
                work.cancel.check()
                work.progress.advance(EVERY)
    return StoredRows(rows=count, unparseable=bad, sha256=digest.hexdigest())


def read_source_rows(path: Path) -> Iterator[SourceRow]:
    """The rows of such a file, in order."""
    return map(SourceRow.from_dict, read_jsonl(path))


def hash_source_rows(rows: Iterable[SourceRow], work: Work) -> str:
    """SHA-256 of the file that `write_source_rows` would write."""
    digest = hashlib.sha256()
    for count, row in enumerate(rows, start=1):
        digest.update(_line(row)[0])
        if count % EVERY == 0:
            work.cancel.check()
            work.progress.advance(EVERY)
    return digest.hexdigest()


def _line(row: SourceRow) -> tuple[bytes, bool]:
    """The stored form; a value without a JSON form (infinity, half a surrogate) makes the row unparseable."""
    try:
        return (_encode(row.to_dict()) + "\n").encode("utf-8"), row.error is None
    except (ValueError, TypeError, RecursionError) as error:
        raw = repr(row.data if row.raw is None else row.raw)[:2_000]
        sentinel = SourceRow(row.index, error=f"a value has no JSON form: {error}", raw=raw)
        text = json.dumps(sentinel.to_dict())
        return f"{text}\n".encode(), False
