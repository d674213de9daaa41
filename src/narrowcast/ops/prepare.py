"""Prepare, and what a prepared data set is."""

from __future__ import annotations

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.work import Work
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.execute import run_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.prepare import STAGE, PrepareResult
from narrowcast.store.datasets import load_manifest


def prepare(
    project: Project, request: PrepareRequest | None = None, work: Work | None = None
) -> PrepareResult:
    """Make a data-set version from every import; a version that is up to date is not made again.

    Raises:
        DataError: if nothing was imported, too few rows are left, or no split without leakage exists.
    """
    request = request or PrepareRequest()
    return project.runner(work).run(STAGE, run_options(project, STAGE, request), force=request.force)


def current_dataset(project: Project) -> DatasetManifest:
    """The manifest of the current version.

    Raises:
        DataError: if none was prepared.
    """
    return load_manifest(project.paths)
