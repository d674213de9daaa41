"""Committed imports: list them, remove one."""

from __future__ import annotations

from narrowcast.core.manifest import ImportRecord
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.imports import read_records, remove_orphans, write_records


def imports(project: Project) -> list[ImportRecord]:
    """Every committed import, oldest first."""
    return read_records(project.paths)


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
        remove_orphans(project.paths)
    project.trail.emit(
        StageName.INGESTION,
        "dataset_import_removed",
        f"{import_id} was removed: {record.accepted:,} accepted rows of {record.locator}",
        payload=record.model_dump(mode="json"),
        run=import_id,
    )
    return record
