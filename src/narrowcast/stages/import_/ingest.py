"""Stage 1: a source → its rows on disk, sentinel rows included, whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from pydantic import BaseModel

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.row import SourceRow
from narrowcast.store.files import atomic_writer, line_encoder

_EVERY = 1_000  # rows between two looks at the progress and the cancel token
_encode = line_encoder(allow_nan=False)


class IngestResult(BaseModel):
    """What was written to `data/raw`."""

    rows: int
    unparseable: int
    sha256: str


def ingest(
    rows: Iterable[SourceRow], path: Path, limit: int | None, progress: Progress, cancel: CancelToken
) -> IngestResult:
    """Write the first `limit` rows (all where None), one JSON object a line.

    Raises:
        DataError: where the source can not be read to its end.
        CancelledError: on request; nothing is left behind.
        WorkspaceError: where the disk refuses.
    """
    digest, count, bad = hashlib.sha256(), 0, 0
    with atomic_writer(path) as file:
        for row in islice(rows, limit):
            line, readable = _line(row)
            file.write(line)
            digest.update(line)
            count += 1
            bad += not readable
            if count % _EVERY == 0:
                cancel.check(stage="ingestion")
                progress.advance(_EVERY)
    return IngestResult(rows=count, unparseable=bad, sha256=digest.hexdigest())


def _line(row: SourceRow) -> tuple[bytes, bool]:
    """The stored form; values without a JSON form (infinities, half surrogates) make the row a sentinel."""
    try:
        return (_encode(row.to_dict()) + "\n").encode("utf-8"), row.error is None
    except (ValueError, TypeError, RecursionError) as error:
        raw = repr(row.data if row.raw is None else row.raw)[:2_000]
        sentinel = SourceRow(row.index, error=f"a value has no JSON form: {error}", raw=raw)
        text = json.dumps(sentinel.to_dict())
        return f"{text}\n".encode(), False


def import_id(mapper: str, sha256: str) -> str:
    """Short content address: the same rows mapped in the same way have the same name."""
    return f"imp-{hashlib.sha256(f'{mapper}:{sha256}'.encode()).hexdigest()[:8]}"
