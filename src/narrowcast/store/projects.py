"""The index of projects: number, slug, folder, and when it was last chosen by `narrowcast use`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narrowcast.errors import UsageError
from narrowcast.store.tables import EventIndexTable, FormerEventTable, ProjectTable


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """One line of the index."""

    id: int
    slug: str
    path: Path
    created_at: str
    used_at: str

    @property
    def is_missing(self) -> bool:
        """Whether the folder is gone, or holds no project."""
        return not (self.path / "narrowcast.yaml").is_file()


def add_project(engine: Engine, slug: str, path: Path, *, use: bool = True) -> ProjectEntry:
    """Enter a new project.

    Args:
        engine: of the workspace.
        slug: its name in commands.
        path: its folder.
        use: make it the current project; False for one that a command only came across.

    Raises:
        UsageError: if slug or folder are taken.
    """
    now = _now()
    try:
        with Session(engine) as session:
            row = ProjectTable(slug=slug, path=str(path), created_at=now, used_at=now if use else "")
            session.add(row)
            session.commit()
            return _entry(row)
    except IntegrityError as error:
        raise UsageError(
            f"a project called {slug!r}, or one in this folder, exists already",
            where=str(path),
            next_command="choose another name, or see `narrowcast projects`",
        ) from error


def list_projects(engine: Engine) -> list[ProjectEntry]:
    """All projects, by number."""
    with Session(engine) as session:
        return [_entry(row) for row in session.scalars(select(ProjectTable).order_by(ProjectTable.id))]


def touch_project(engine: Engine, project_id: int) -> None:
    """Make a project the one in use."""
    with Session(engine) as session:
        row = session.get(ProjectTable, project_id)
        if row is not None:
            row.used_at = _now()
            session.commit()


def rename_entry(engine: Engine, project_id: int, slug: str) -> None:
    """Give a project another name in commands."""
    _update(engine, project_id, slug=slug)


def move_entry(engine: Engine, project_id: int, path: Path) -> None:
    """Enter the new folder of a project."""
    _update(engine, project_id, path=str(path))


def remove_entry(engine: Engine, project_id: int) -> None:
    """Take a project out of the index, with the index of its events; absent ones are no error."""
    with Session(engine) as session:
        for table in (EventIndexTable, FormerEventTable):
            session.execute(delete(table).where(table.project_id == project_id))
        session.execute(delete(ProjectTable).where(ProjectTable.id == project_id))
        session.commit()


def _update(engine: Engine, project_id: int, **values: str) -> None:
    with Session(engine) as session:
        row = session.get(ProjectTable, project_id)
        if row is None:
            return
        for name, value in values.items():
            setattr(row, name, value)
        session.commit()


def _entry(row: ProjectTable) -> ProjectEntry:
    return ProjectEntry(row.id, row.slug, Path(row.path), row.created_at, row.used_at)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
