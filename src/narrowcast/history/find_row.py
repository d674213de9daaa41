"""The id of a row, by its id, by the start of its content hash, or by its exact text."""

from __future__ import annotations

from narrowcast.core.example import Example
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.import_rows import accepted_rows, raw_row
from narrowcast.store.imports import read_records

_LEAST_DIGITS = 8


def find_id(project: Project, reference: str) -> str:
    """The id of the row that is meant.

    Raises:
        DataError: if no row, or more than one, is meant.
    """
    records = read_records(project.paths)
    source, colon, number = reference.rpartition(":")
    record = next((each for each in records if each.id == source), None)
    if colon and record is not None and number.isdigit() and raw_row(project.paths, reference) is not None:
        return reference
    matches = [row.id for row in accepted_rows(project.paths, records) if _is_meant(row, reference)]
    if len(matches) == 1:
        return matches[0]
    raise DataError(
        f"{len(matches)} rows match this" if matches else "there is no such row",
        where=f"{reference[:80]}{': ' + ', '.join(matches[:10]) if matches else ''}",
        next_command="name it by its id, IMPORT:NUMBER; data/accepted and data/rejected hold the ids",
        reason_code="dataset_row_unknown",
    )


def _is_meant(row: Example, reference: str) -> bool:
    if len(reference) >= _LEAST_DIGITS and row.hash.startswith(reference):
        return True
    return any(value == reference for value in row.inputs.values())
