"""A data-set version copied into another project folder, where a repeated training run reads it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.store.datasets import read_manifest
from narrowcast.store.files import write_text


def kept_version(project: ProjectPaths, version: str) -> DatasetManifest:
    """The manifest of a version by its whole name.

    Raises:
        DataError: if its folder is gone.
    """
    manifest = read_manifest(project, short(version))
    if manifest is None or manifest.version != version:
        raise DataError(
            "the data-set version of this run is gone",
            where=short(version),
            next_command="narrowcast data versions",
            reason_code="dataset_version_unknown",
        )
    return manifest


def copy_version(project: ProjectPaths, version: str, target: ProjectPaths, splits: Iterable[Split]) -> None:
    """Copy a version with these of its splits, and make it the current one there.

    Raises:
        DataError: if its folder is gone.
    """
    manifest = kept_version(project, version)
    name = short(version)
    folder = target.prepared / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project.prepared / name / "manifest.json", folder / "manifest.json")
    for split in splits:
        stored = manifest.splits.get(split)
        if stored and (project.root / stored.path).exists():
            shutil.copyfile(project.root / stored.path, target.root / stored.path)
    write_text(target.prepared / "current", name)
