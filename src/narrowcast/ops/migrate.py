"""Bring a project that an older version wrote to the current format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowcast.core.work import Work
from narrowcast.ops.requests import MigrateRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.project_format import CURRENT_FORMAT, read_format, require_current_format


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
        UsageError: where a newer version wrote the project.
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
            for change in project.pending_changes():
                work.cancel.check()
                change.apply()
                work.progress.note(change.what)
                done.append(change.what)
            message = f"migrated from format {before} to {CURRENT_FORMAT}"
            project.trail.emit(StageName.SYSTEM, "project_migrated", message, payload={"changes": done})
    return MigrateResult(
        project=project.slug,
        dry_run=request.dry_run,
        from_format=before,
        to_format=CURRENT_FORMAT,
        changes=done,
    )
