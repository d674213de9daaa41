"""The rows that gate and judge work on: those of a generation, or of a file that becomes one."""

from __future__ import annotations

from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.row import FORGOTTEN, SourceRow
from narrowcast.core.stage import StageInputs
from narrowcast.errors import DataError
from narrowcast.factory.file_rows import read_file
from narrowcast.factory.options import ChosenRows
from narrowcast.store.files import sha256_file
from narrowcast.store.forgotten import read_forgotten, withheld
from narrowcast.store.generations import find_generation, hash_rows, read_rows, write_generation


class ChosenRowsInputs(StageInputs):
    """A generation by its rows. Events of gate and judge have it as their parent."""

    generation: str
    rows_sha256: str
    """Of the rows as they are stored, or of the file they come from."""


def choose_rows(options: ChosenRows, project: ProjectPaths) -> tuple[str, str]:
    """Id of the generation, and SHA-256 of its rows. A file gives its generation a name by its content.

    Raises:
        DataError: if nothing was generated, or the file cannot be read.
    """
    if options.rows is None:
        generation = find_generation(project, options.generation).id
        return generation, hash_rows(project, generation)
    try:
        digest = sha256_file(options.rows)
    except OSError as error:
        raise DataError(
            f"the rows cannot be read: {error.strerror}",
            where=str(options.rows),
            next_command="narrowcast data gate --rows FILE.jsonl",
            reason_code="factory_rows_missing",
        ) from error
    return f"gen-{digest[:8]}", digest


def load_rows(
    options: ChosenRows, project: ProjectPaths, generation: str, *, store: bool
) -> tuple[GenerationRecord, list[GeneratedRow]]:
    """The record and the rows of a generation; with `store`, a file's rows are kept as one.

    A row that was deleted on request is a row with an error.
    """
    forgotten = read_forgotten(project)
    if options.rows is None:
        rows = [_withheld(row, forgotten) for row in read_rows(project, generation)]
        return find_generation(project, generation), rows
    record = GenerationRecord(id=generation, source="file", writer=options.rows.name)
    rows = [_withheld(row, forgotten) for row in read_file(options.rows)]
    return write_generation(project, record, rows) if store else record, rows


def source_row(row: GeneratedRow) -> SourceRow:
    """The row as its import keeps it."""
    if row.error is not None:
        return SourceRow(row.index, error=row.error, raw=row.raw)
    return SourceRow(row.index, {"row": row.data, "origin": row.origin.model_dump(exclude_defaults=True)})


def _withheld(row: GeneratedRow, forgotten: frozenset[str]) -> GeneratedRow:
    if not forgotten:
        return row
    [kept] = withheld([source_row(row)], forgotten)
    return GeneratedRow(row.index, error=FORGOTTEN) if kept.error == FORGOTTEN else row
