"""Prepare, and what a prepared data set is."""

from __future__ import annotations

from typing import Any

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.request import StageRequest
from narrowcast.core.work import as_work
from narrowcast.pipeline.execute import run_stage
from narrowcast.pipeline.project import Project
from narrowcast.stages.prepare import STAGE, Result
from narrowcast.store.datasets import load_manifest


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
    return run_stage(
        project, STAGE, StageRequest(options=overrides or {}, force=force), as_work(progress, cancel)
    )


def current_dataset(project: Project) -> DatasetManifest:
    """The manifest of the current version.

    Raises:
        DataError: where none was prepared.
    """
    return load_manifest(project.paths)
