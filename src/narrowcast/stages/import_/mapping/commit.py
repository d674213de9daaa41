"""Mapping for good: accepted and rejected rows on disk, both whole or absent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.row import RejectedRow, SourceRow, TransformedRow
from narrowcast.stages.import_.mapping.engine import RowMapping
from narrowcast.store.files import atomic_writer, json_line, read_jsonl

_EVERY = 1_000  # rows between two looks at the progress and the cancel token


class MappingResult(BaseModel):
    """Counts that add up: rows = accepted + rejected."""

    rows: int
    accepted: int
    rejected: dict[str, int]
    accepted_sha256: str


def stored_rows(path: Path) -> Iterator[SourceRow]:
    """The rows of `data/raw/<import>.jsonl`."""
    return map(SourceRow.from_dict, read_jsonl(path))


def commit(
    outcomes: Iterable[TransformedRow | RejectedRow],
    accepted_path: Path,
    rejected_path: Path,
    progress: Progress,
    cancel: CancelToken,
) -> MappingResult:
    """Write every outcome to its file.

    Raises:
        CancelledError: on request; neither file is left behind.
        WorkspaceError: where the disk refuses.
    """
    digest, accepted, rejected = hashlib.sha256(), 0, Counter[str]()
    with atomic_writer(accepted_path) as good, atomic_writer(rejected_path) as bad:
        for number, outcome in enumerate(outcomes, start=1):
            if isinstance(outcome, TransformedRow):
                line = json_line(outcome.example.to_dict())
                digest.update(line)
                good.write(line)
                accepted += 1
            else:
                bad.write(json_line(outcome.to_dict()))
                rejected[outcome.reason] += 1
            if number % _EVERY == 0:
                cancel.check(stage="ingestion")
                progress.advance(_EVERY)
    return MappingResult(
        rows=accepted + rejected.total(),
        accepted=accepted,
        rejected=dict(sorted(rejected.items())),
        accepted_sha256=digest.hexdigest(),
    )


def map_stored(
    raw: Path, mapping: RowMapping, accepted: Path, rejected: Path, progress: Progress, cancel: CancelToken
) -> MappingResult:
    """Map the stored rows of an import; see `commit`."""
    return commit(mapping.map_all(stored_rows(raw)), accepted, rejected, progress, cancel)
