"""Reading the rows of imports: examples checked against their record, and single rows by their id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import UNSTOPPABLE, CancelToken
from narrowcast.errors import DataError
from narrowcast.store.files import count_lines, read_jsonl, sha256_file
from narrowcast.store.imports import is_intact, read_records

# Characters of a text that may be a label, which other rows have as well.
_LABEL = 64


def accepted_rows(
    project: ProjectPaths, records: Iterable[ImportRecord] | None = None, *, checked: bool = True
) -> Iterator[Example]:
    """The examples of imports, in order.

    Args:
        project: whose.
        records: the imports; every committed one where None.
        checked: compare each file with its record before its first row is read. Only `data forget`, which
            finishes what an interrupted one began to delete, reads without.

    Raises:
        DataError: if a file is gone or was changed.
    """
    for record in read_records(project) if records is None else records:
        path = checked_path(project, record) if checked else project.accepted / f"{record.id}.jsonl"
        if path.exists():
            yield from _sharing(map(Example.from_dict, read_jsonl(path)))


def checked_path(project: ProjectPaths, record: ImportRecord, cancel: CancelToken = UNSTOPPABLE) -> Path:
    """The file of an import's accepted rows, after comparing it with its record.

    Raises:
        DataError: if it is gone or was changed.
        CancelledError: on request.
    """
    path = project.accepted / f"{record.id}.jsonl"
    if not is_intact(project, record, cancel):
        raise DataError(
            "the rows of an import are gone or were changed",
            where=str(path),
            next_command=f"narrowcast data import --locator {record.locator} --force",
            reason_code="system_import_damaged",
        )
    return path


def _sharing(rows: Iterable[Example]) -> Iterator[Example]:
    """The same rows; names and labels that rows have in common are the same objects, which saves memory."""
    known: dict[str, str] = {}
    for row in rows:
        row.source = known.setdefault(row.source, row.source)
        row.inputs = {known.setdefault(name, name): value for name, value in row.inputs.items()}
        if isinstance(row.target, str) and len(row.target) <= _LABEL:
            row.target = known.setdefault(row.target, row.target)
        yield row


def rejected_lines(project: ProjectPaths, import_id: str) -> Iterator[dict[str, Any]]:
    """The stored rejections of an import (see `RejectedRow`); none where there is no such file."""
    return _lines(project.rejected, import_id)


def raw_lines(project: ProjectPaths, import_id: str) -> Iterator[dict[str, Any]]:
    """The stored records of an import (see `SourceRow`); none where there is no such file."""
    return _lines(project.raw, import_id)


def raw_row(project: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored record a row was made of."""
    return _line(project.raw, row_id)


def accepted_row(project: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored example, or None where the row was rejected."""
    return _line(project.accepted, row_id)


def rejected_row(project: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored rejection, or None where the row was accepted."""
    return _line(project.rejected, row_id)


class RowLookup:
    """Stored lines of many rows; each file is read once.

    Args:
        project: whose.
        ids: the rows that will be asked for, `IMPORT:NUMBER`; others are not known.
    """

    def __init__(self, project: ProjectPaths, ids: Iterable[str]) -> None:
        self._wanted: dict[str, set[int]] = {}
        for row_id in ids:
            source, _, number = row_id.rpartition(":")
            if source and number.isdigit():
                self._wanted.setdefault(source, set()).add(int(number))
        self._raw = self._read(project.raw)
        self._accepted = self._read(project.accepted)
        self._rejected = self._read(project.rejected)

    def raw(self, row_id: str) -> dict[str, Any] | None:
        """The record as its source gave it."""
        return self._raw.get(row_id)

    def accepted(self, row_id: str) -> dict[str, Any] | None:
        """The example, or None where the row was rejected."""
        return self._accepted.get(row_id)

    def rejected(self, row_id: str) -> dict[str, Any] | None:
        """The rejection, or None where the row was accepted."""
        return self._rejected.get(row_id)

    def _read(self, folder: Path) -> dict[str, dict[str, Any]]:
        return {
            f"{source}:{line['index']}": line
            for source, numbers in self._wanted.items()
            for line in _lines(folder, source)
            if line["index"] in numbers
        }


def counted(project: ProjectPaths, record: ImportRecord) -> StageLedger:
    """The ledger of an import, counted in its files, so that one changed by hand shows."""
    rejected = Counter(line["reason"] for line in rejected_lines(project, record.id))
    raw, accepted = (
        count_lines(path) if path.exists() else 0
        for path in (project.raw / f"{record.id}.jsonl", project.accepted / f"{record.id}.jsonl")
    )
    return StageLedger(
        stage=f"map {record.id}",
        rows_in=raw,
        rows_out=accepted,
        rejected=dict(sorted(rejected.items())),
    )


def recounted(project: ProjectPaths, record: ImportRecord) -> ImportRecord:
    """The record with counts and hashes of its files as they are now, after rows were deleted from them."""
    rejected = Counter(line["reason"] for line in rejected_lines(project, record.id))
    accepted = sum(1 for _ in _lines(project.accepted, record.id))
    return record.model_copy(
        update={
            "rows": accepted + rejected.total(),
            "accepted": accepted,
            "rejected": dict(sorted(rejected.items())),
            "raw_sha256": sha256_file(project.raw / f"{record.id}.jsonl"),
            "accepted_sha256": sha256_file(project.accepted / f"{record.id}.jsonl"),
        }
    )


def _lines(folder: Path, import_id: str) -> Iterator[dict[str, Any]]:
    path = folder / f"{import_id}.jsonl"
    return read_jsonl(path) if path.exists() else iter(())


def _line(folder: Path, row_id: str) -> dict[str, Any] | None:
    source, _, number = row_id.rpartition(":")
    if not source or not number.isdigit():
        return None
    return next((line for line in _lines(folder, source) if line["index"] == int(number)), None)
