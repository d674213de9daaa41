"""Every prepared data-set version of a project: the registry, and the folders that are still there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from narrowcast.core.example import Example
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.store.dataset import read_split
from narrowcast.store.files import read_json, read_jsonl

DIGITS = 12
_LEAST_DIGITS = 4


class VersionEntry(BaseModel):
    """A line of `registry/datasets.jsonl`."""

    version: str
    parent_version: str | None = None
    rows: dict[str, int]
    rejected: dict[str, int]
    imports: list[str]


def version_entries(project: ProjectPaths) -> list[VersionEntry]:
    """Oldest first."""
    if not project.datasets.exists():
        return []
    return [VersionEntry.model_validate(line) for line in read_jsonl(project.datasets)]


def current_folder(project: ProjectPaths) -> str:
    """Name of the current version's folder; empty where none was prepared."""
    path = project.prepared / "current"
    return path.read_text().strip() if path.exists() else ""


def find_version(project: ProjectPaths, reference: str) -> DatasetManifest:
    """The manifest behind the start of a version's name, or behind `current` or `parent`.

    Raises:
        DataError: where no version, or more than one, is called so, or its folder is gone.
    """
    entries = version_entries(project)
    if reference in ("current", "parent"):
        wanted = current_folder(project)
        if reference == "parent":
            manifest = read_manifest(project, wanted) if wanted else None
            wanted = ((manifest.parent_version if manifest else None) or "")[:DIGITS]
        found = [each for each in entries if wanted and each.version.startswith(wanted)]
    else:
        long_enough = len(reference) >= _LEAST_DIGITS
        found = [each for each in entries if long_enough and each.version.startswith(reference)]
    if len(found) != 1:
        raise _unknown(
            "no such data-set version" if not found else "several versions begin so",
            reference,
        )
    manifest = read_manifest(project, found[0].version[:DIGITS])
    if manifest is None:
        raise _unknown("the version's folder is gone", reference)
    return manifest


def read_manifest(project: ProjectPaths, folder: str) -> DatasetManifest | None:
    """The manifest in a version's folder, or None where there is none that can be read."""
    path = project.prepared / folder / "manifest.json"
    if not folder or not path.exists():
        return None
    try:
        return DatasetManifest.model_validate(read_json(path))
    except (ValidationError, DataError):
        return None


def kept_manifests(project: ProjectPaths) -> list[DatasetManifest]:
    """The manifests of all versions whose folders are still there, oldest first."""
    found = (read_manifest(project, each.version[:DIGITS]) for each in version_entries(project))
    return [each for each in found if each is not None]


def rows_of(project: ProjectPaths, manifest: DatasetManifest) -> Iterator[tuple[Split, Example]]:
    """Every row with its split, in the order of the splits.

    Raises:
        DataError: where a split file was changed or removed.
    """
    for split in manifest.splits:
        for row in read_split(project, manifest, split):
            yield split, row


def _unknown(what: str, reference: str) -> DataError:
    return DataError(
        what,
        where=reference,
        next_command="narrowcast data versions",
        reason_code="dataset_version_unknown",
        stage="prepare",
    )
