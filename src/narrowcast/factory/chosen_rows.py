"""The rows that gate and judge work on: those of a generation, or of a file that becomes one."""

from __future__ import annotations

from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageInputs
from narrowcast.errors import DataError
from narrowcast.factory.file_rows import read_file
from narrowcast.factory.options import ChosenRows
from narrowcast.store.files import sha256_file
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
    """The record and the rows of a generation; with `store`, a file's rows are kept as one."""
    if options.rows is None:
        return find_generation(project, generation), list(read_rows(project, generation))
    record = GenerationRecord(id=generation, source="file", writer=options.rows.name)
    rows = list(read_file(options.rows))
    return write_generation(project, record, rows) if store else record, rows
