"""Clean a source into rows to import, and list what was cleaned."""

from __future__ import annotations

from typing import cast

from narrowcast.core.work import Work
from narrowcast.history.unredacted import UnredactedCopy, unredacted_copies
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.clean import STAGE, CleanPreview, Options
from narrowcast.store import cleanings as stored
from narrowcast.store.cleanings import CleanReport
from narrowcast.store.stage_records import records, remove_record


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


def copies(project: Project, report: CleanReport) -> list[UnredactedCopy]:
    """Files of the project that hold texts of a source as they came, though a cleaning hid parts of them."""
    return unredacted_copies(project.paths, report)


def remove_cleaning(project: Project, cleaning_id: str) -> CleanReport:
    """Remove a cleaning: its rows, chunks, rejects and report. What was imported from it stays.

    Raises:
        DataError: if there is no such cleaning.
    """
    with project.lock("data cleanings --remove"):
        report = stored.remove_cleaning(project.paths, cleaning_id)
        for each in records(project.paths, STAGE.name):
            if each.result["cleaning"] == cleaning_id:
                remove_record(project.paths, STAGE.name, each.subject)
    project.trail.emit(
        StageName.CLEANING,
        "cleaning_removed",
        f"{cleaning_id} was removed: {report.ledger.rows_out:,} cleaned rows of {report.locator}",
        payload={"cleaning": cleaning_id, "source": report.locator, "rows": report.ledger.rows_out},
        run=cleaning_id,
    )
    return report


def cleanings(project: Project) -> list[CleanReport]:
    """Every cleaned source of the project, by id."""
    return stored.cleanings(project.paths)


def _options(project: Project, request: CleanRequest) -> Options:
    """The options; the request's own fields win over `narrowcast.yaml` where they are given."""
    own = request.model_dump(include={"locator", "base", "limit"}, exclude_none=True)
    return stage_options(project, STAGE, {**request.options, **own})
