"""Prepare, and what a prepared data set is."""

from __future__ import annotations

from typing import Any

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.ops.project import Project
from narrowcast.ops.stages import run_stage
from narrowcast.stages.prepare import Result
from narrowcast.store.dataset import load_manifest


def prepare(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Make a data-set version from every import; a version that is up to date is not made again.

    Raises:
        DataError: where nothing was imported, too few rows are left, or no split without leakage exists.
    """
    result = run_stage(project, "prepare", overrides, force=force, progress=progress, cancel=cancel)
    assert isinstance(result, Result)
    return result


def current_dataset(project: Project) -> DatasetManifest:
    """The manifest of the current version.

    Raises:
        DataError: where none was prepared.
    """
    return load_manifest(project.paths)
