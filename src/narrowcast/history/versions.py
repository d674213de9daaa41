"""Data-set versions: which there are, what they were made of, which models were trained on them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from narrowcast.core.hashing import short
from narrowcast.core.paths import ProjectPaths
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import current_folder, read_manifest, version_entries
from narrowcast.store.runs import finished_runs


class VersionSource(BaseModel):
    """One import of a version, with what its source allows."""

    import_id: str
    locator: str
    rows: int
    licence: str | None = None
    consent: str | None = None


class VersionInfo(BaseModel):
    """One version."""

    version: str
    parent_version: str | None
    current: bool
    kept: bool = Field(description="Its rows are still on disk.")
    rows: dict[str, int] = Field(description="Of each split.")
    rejected: dict[str, int]
    forgotten: int = Field(0, description="Rows that were deleted from it on request.")
    sources: list[VersionSource]
    models: list[str] = Field(description="Training runs on it.")


def versions(project: Project) -> list[VersionInfo]:
    """Every version, oldest first."""
    paths = project.paths
    now = current_folder(paths)
    models = runs_by_version(paths)
    entries = []
    for entry in version_entries(paths):
        manifest = read_manifest(paths, short(entry.version))
        records = manifest.imports if manifest else []
        rows = {split.value: file.rows for split, file in manifest.splits.items()} if manifest else entry.rows
        entries.append(
            VersionInfo(
                version=entry.version,
                parent_version=entry.parent_version,
                current=bool(now) and entry.version.startswith(now),
                kept=manifest is not None,
                rows=rows,
                rejected=entry.rejected,
                forgotten=sum(entry.rows.values()) - sum(rows.values()),
                sources=[
                    VersionSource(
                        import_id=each.id,
                        locator=each.locator,
                        rows=each.accepted,
                        licence=each.licence,
                        consent=each.consent,
                    )
                    for each in records
                ],
                models=models.get(entry.version, []),
            )
        )
    return entries


def runs_by_version(paths: ProjectPaths) -> dict[str, list[str]]:
    """Version → ids of the training runs on it, oldest first, each once."""
    found: dict[str, list[str]] = {}
    for line in finished_runs(paths):
        runs = found.setdefault(line.dataset_version, [])
        if line.run_id not in runs:
            runs.append(line.run_id)
    return found
