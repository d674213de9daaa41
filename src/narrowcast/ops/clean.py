"""Clean a source into rows to import, and list what was cleaned."""

from __future__ import annotations

from typing import cast

from narrowcast.core.work import Work
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.clean import STAGE, CleanPreview, Options
from narrowcast.store import cleanings as stored
from narrowcast.store.cleanings import CleanReport


def clean(project: Project, request: CleanRequest, work: Work | None = None) -> CleanReport:
    """Clean the texts of a source; one that is cleaned in this way already is not cleaned again.

    A dry run returns a `CleanPreview`.

    Raises:
        UsageError: for a wrong locator or option.
        DataError: if the source cannot be read or holds no text.
        CancelledError: on request; nothing is kept.
    """
    options = _options(project, request)
    runner = project.runner(work)
    if request.dry_run:
        return cast(CleanPreview, runner.preview(STAGE, options))
    result = runner.run(STAGE, options, force=request.force)
    return stored.read_cleaning(project.paths, result.cleaning)


def cleanings(project: Project) -> list[CleanReport]:
    """Every cleaned source of the project, by id."""
    return stored.cleanings(project.paths)


def _options(project: Project, request: CleanRequest) -> Options:
    """The options; the request's own fields win over `narrowcast.yaml` where they are given."""
    own = request.model_dump(include={"locator", "base", "limit"}, exclude_none=True)
    return stage_options(project, STAGE, {**request.options, **own})
