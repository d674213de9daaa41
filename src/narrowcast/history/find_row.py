"""One row by its id, by the start of its content hash, or by its exact text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.store.imports import read_records

_LEAST_DIGITS = 8


def accepted_rows(paths: ProjectPaths, records: list[ImportRecord]) -> Iterator[Example]:
    """The examples of these imports, in their order."""
    for record in records:
        path = paths.accepted / f"{record.id}.jsonl"
        if path.exists():
            yield from map(Example.from_dict, read_jsonl(path))


def find_id(project: Project, reference: str) -> str:
    """The id of the row that is meant.

    Raises:
        DataError: where no row, or more than one, is meant.
    """
    records = read_records(project.paths)
    source, colon, number = reference.rpartition(":")
    record = next((each for each in records if each.id == source), None)
    if colon and record is not None and number.isdigit() and raw_row(project.paths, reference) is not None:
        return reference
    found = [row.id for row in accepted_rows(project.paths, records) if _is_meant(row, reference)]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"{len(found)} rows are meant by this" if found else "there is no such row",
        where=f"{reference[:80]}{': ' + ', '.join(found[:10]) if found else ''}",
        next_command="name it by its id, IMPORT:NUMBER; data/accepted and data/rejected hold the ids",
        reason_code="dataset_row_unknown",
        stage="ingestion",
    )


def _is_meant(row: Example, reference: str) -> bool:
    if len(reference) >= _LEAST_DIGITS and row.hash.startswith(reference):
        return True
    return any(value == reference for value in row.inputs.values())


class RowLookup:
    """Stored lines of many rows; each file is read once.

    Args:
        paths: of the project.
        ids: the rows that will be asked for, `IMPORT:NUMBER`; others are not known.
    """

    def __init__(self, paths: ProjectPaths, ids: Iterable[str]) -> None:
        self._wanted: dict[str, set[int]] = {}
        for row_id in ids:
            source, _, number = row_id.rpartition(":")
            if source and number.isdigit():
                self._wanted.setdefault(source, set()).add(int(number))
        self._raw = self._read(paths.raw)
        self._accepted = self._read(paths.accepted)
        self._rejected = self._read(paths.rejected)

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
        found = {}
        for source, numbers in self._wanted.items():
            path = folder / f"{source}.jsonl"
            for line in read_jsonl(path) if path.exists() else ():
                if line["index"] in numbers:
                    found[f"{source}:{line['index']}"] = line
        return found


def raw_row(paths: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored record a row was made of."""
    return _line(paths.raw, row_id)


def accepted_row(paths: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored example, or None where the row was rejected."""
    return _line(paths.accepted, row_id)


def rejected_row(paths: ProjectPaths, row_id: str) -> dict[str, Any] | None:
    """The stored rejection, or None where the row was accepted."""
    return _line(paths.rejected, row_id)


def _line(folder: Path, row_id: str) -> dict[str, Any] | None:
    source, _, number = row_id.rpartition(":")
    path = folder / f"{source}.jsonl"
    if not source or not path.exists():
        return None
    return next((line for line in read_jsonl(path) if line["index"] == int(number)), None)
