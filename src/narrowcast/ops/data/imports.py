"""The records of committed imports: read, add, remove. `registry/imports.jsonl` is the commit point."""

from __future__ import annotations

from pydantic import ValidationError

from narrowcast.core.manifest import ImportRecord
from narrowcast.core.names import StageName
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.ops.project import Project
from narrowcast.store.files import read_jsonl, write_jsonl
from narrowcast.store.workspace import ProjectPaths

INCOMING = ".incoming.jsonl"


def imports(project: Project) -> list[ImportRecord]:
    """Every committed import, oldest first."""
    return read_records(project.paths)


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


def remove_import(project: Project, import_id: str) -> ImportRecord:
    """Forget an import: its record, its source in `narrowcast.yaml`, its rows.

    A task that introspection proposed goes with its last import. Prepared versions stay; `prepare` makes
    the next one without these rows.

    Raises:
        DataError: where there is no such import.
    """
    with project.lock("data remove"):
        records = read_records(project.paths)
        record = next((each for each in records if each.id == import_id), None)
        if record is None:
            raise DataError(
                "there is no such import",
                where=import_id,
                next_command="narrowcast data imports",
                reason_code="dataset_import_unknown",
                stage="ingestion",
            )
        left = [each for each in records if each.id != import_id]
        config = project.config
        sources = [
            each for each in config.sources if (each.locator, each.into) != (record.locator, record.into)
        ]
        proposed = config.task is not None and config.task.proposed_by == "introspection"
        task = None if proposed and not left else config.task
        project.save_config(config.model_copy(update={"sources": sources, "task": task}))
        write_records(project.paths, left)
        remove_orphans(project.paths, left)
    project.trail.emit(
        StageName.INGESTION,
        "dataset_import_removed",
        f"{import_id} was removed: {record.accepted:,} accepted rows of {record.locator}",
        payload=record.model_dump(mode="json"),
        run=import_id,
    )
    return record
