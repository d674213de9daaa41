"""Bring a project that an older version wrote to the current format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowcast.core.work import Work
from narrowcast.ops.requests import MigrateRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.project_format import (
    CURRENT_FORMAT,
    begin_change,
    begun_changes,
    read_format,
    require_current_format,
)

CODE = "project_migrated"


class MigrateResult(BaseModel):
    """What was changed, or would be."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    project: str
    dry_run: bool
    from_format: int
    to_format: int
    changes: list[str]
    """Each change, in order; empty where the project is up to date."""


def migrate(project: Project, request: MigrateRequest, work: Work | None = None) -> MigrateResult:
    """Bring the files to the current format; nothing is lost, and an interrupted migration is continued.

    Args:
        project: opened with `any_format=True`.
        request: whether to change anything.
        work: shows progress; a cancelled migration continues when it is started again.

    Raises:
        UsageError: if a newer version wrote the project.
        CancelledError: on request.
    """
    work = work or Work()
    before = read_format(project.paths)
    if before > CURRENT_FORMAT:
        require_current_format(project.paths)
    done: list[str] = []
    if request.dry_run:
        done = [change.what for change in project.pending_changes()]
    elif before < CURRENT_FORMAT:
        with project.lock("migrate"):
            done = _apply(project, work)
    return MigrateResult(
        project=project.slug,
        dry_run=request.dry_run,
        from_format=before,
        to_format=CURRENT_FORMAT,
        changes=done,
    )


def _apply(project: Project, work: Work) -> list[str]:
    """Make every change that is missing. The event comes before the new number, so that a kill between the
    two repeats the question whether it was written instead of losing it.
    """
    done: list[str] = []
    for change in project.pending_changes():
        work.cancel.check()
        if change.completes is None:
            begin_change(project.paths, change)
        else:
            _emit_once(project, change.completes)
        change.apply()
        work.progress.note(change.what)
        done.append(change.what)
    return done


def _emit_once(project: Project, number: int) -> None:
    newest = project.trail.events(limit=1)
    if any(each.reason_code == CODE and each.payload.get("format") == number for each in newest):
        return
    payload = {"format": number, "changes": begun_changes(project.paths)}
    project.trail.emit(StageName.SYSTEM, CODE, f"migrated to format {number}", payload=payload)
