"""The records of committed imports: read and replace. `registry/imports.jsonl` is the commit point."""

from __future__ import annotations

from pydantic import ValidationError

from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import WorkspaceError
from narrowcast.store.files import read_jsonl, write_jsonl

INCOMING = ".incoming.jsonl"


def read_records(paths: ProjectPaths) -> list[ImportRecord]:
    """The records as stored.

    Raises:
        WorkspaceError: where the file was damaged by hand.
    """
    if not paths.imports.exists():
        return []
    try:
        return [ImportRecord.model_validate(line) for line in read_jsonl(paths.imports)]
    except (ValidationError, ValueError) as error:
        raise WorkspaceError(
            f"the record of imports is damaged: {str(error).splitlines()[0]}",
            where=str(paths.imports),
            next_command="restore the file from a backup, or move it away and import again",
        ) from error


def write_records(paths: ProjectPaths, records: list[ImportRecord]) -> None:
    """Replace the file as a whole, so that no kill can tear a line."""
    write_jsonl(paths.imports, (record.model_dump(mode="json") for record in records))


def remove_orphans(paths: ProjectPaths, records: list[ImportRecord]) -> None:
    """Delete what interrupted imports left behind; the caller holds the project's lock."""
    known = {f"{record.id}.jsonl" for record in records}
    for folder in (paths.raw, paths.accepted, paths.rejected):
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            orphan = path.name.startswith("imp-") and path.suffix == ".jsonl" and path.name not in known
            if orphan or path.name == INCOMING or (path.name.startswith(".") and path.suffix == ".part"):
                path.unlink(missing_ok=True)
