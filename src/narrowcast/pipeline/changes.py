"""Renaming, moving, deleting and restoring whole projects; a kill leaves the old state or the new one.

Each change is noted in the workspace before its first step (`narrowcast.store.changes`), and has one step
that makes it valid: a rename on the disk, or the note itself. What comes before that step is taken back, what
comes after it can be repeated. Whoever opens a project next settles what killed processes left.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from narrowcast.audit.trail import Trail
from narrowcast.audit.workspace import workspace_trail
from narrowcast.core.markdown import escape
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.errors import DataError, NarrowcastError, UsageError
from narrowcast.faults import os_error
from narrowcast.reasons import StageName
from narrowcast.store.changes import Change, Note, left_changes, noted
from narrowcast.store.config_file import load_config, save_config
from narrowcast.store.events import EventStore
from narrowcast.store.files import write_text
from narrowcast.store.projects import (
    add_project,
    list_projects,
    move_entry,
    remove_entry,
    rename_entry,
)
from narrowcast.store.witness import Witness

OWN = ("narrowcast.yaml", "README.md", "task.md", "specs", "data", "training", "outputs", "registry")
"""What narrowcast puts into the folder of a project; a deletion removes nothing else."""
Prepare = Callable[[Note], None]
"""The steps before the one that makes a change valid, that one included."""


class Changes:
    """Carries out changes of the projects of one workspace.

    Args:
        settings: of the workspace.
        engine: of its index.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    def carry_out(self, change: Change, prepare: Prepare | None = None) -> Change:
        """Do what takes several steps; whatever is raised, the old state or the new one is left.

        Args:
            change: what is to be done.
            prepare: its steps up to the one that makes it valid; None where the note does.
        """
        with noted(self._settings.home, change) as note:
            try:
                if prepare is not None:
                    prepare(note)
            finally:
                self._settle(note)
            return note.change

    def settle(self) -> list[tuple[Change, NarrowcastError]]:
        """Complete or take back what processes left that died.

        Returns:
            What cannot be settled now, and why; it is left to the next command.
        """
        unsettled: list[tuple[Change, NarrowcastError]] = []
        for note in left_changes(self._settings.home):
            try:
                self._settle(note)
            except NarrowcastError as error:
                unsettled.append((note.change, error))
            except OSError as error:
                unsettled.append((note.change, os_error(error)))
        return unsettled

    def _settle(self, note: Note) -> None:
        """Complete a change that is valid, take back one that is not."""
        change = note.change
        if _is_valid(change):
            _COMPLETE[change.kind](self, change)
        elif change.aside and Path(change.aside).exists():
            shutil.rmtree(change.aside)
        note.done()

    def _rename(self, change: Change) -> None:
        paths = ProjectPaths(Path(change.source))
        before = load_config(paths.config).name
        rename_entry(self._engine, change.project, change.slug)
        for page in (paths.root / "README.md", paths.root / "task.md"):
            _retitle(page, str(change.payload["from_name"]), change.name)
        if before != change.name:
            save_config(paths.config, load_config(paths.config).model_copy(update={"name": change.name}))
        message = f"{change.payload['from_slug']} is called {change.slug}"
        self._tell(self._trail(change.project, paths.root), change, "project_renamed", message)

    def _move(self, change: Change) -> None:
        source, target = Path(change.source), Path(change.target)
        home = self._settings.home
        Witness(home, source).carry_to(Witness(home, target))
        move_entry(self._engine, change.project, target)
        message = f"{change.slug} was moved from {source} to {target}"
        self._tell(self._trail(change.project, target), change, "project_moved", message)
        if source.exists() and (source.stat().st_dev, source.stat().st_ino) == change.identity:
            shutil.rmtree(source)  # the original of a copy

    def _delete(self, change: Change) -> None:
        root = Path(change.source)
        message = f"{change.slug} in {root} was deleted"
        self._tell(workspace_trail(self._settings), change, "project_deleted", message)
        remove_entry(self._engine, change.project)
        if root.exists() and (root.stat().st_dev, root.stat().st_ino) == change.identity:
            remove_own(root)

    def _restore(self, change: Change) -> None:
        target = Path(change.target)
        entries = list_projects(self._engine)
        entry = next((each for each in entries if each.path == target), None)
        if entry is None:
            entry = add_project(self._engine, change.slug, target, use=not entries)
        if change.name:
            config = ProjectPaths(target).config
            save_config(config, load_config(config).model_copy(update={"name": change.name}))
        head = f"event {change.payload['events']} ({change.payload['head'][:12]})"
        message = f"restored from the backup of {change.payload['backup_created']}, whose head was {head}"
        trail = self._trail(entry.id, target)
        try:
            event = trail.accept("project_restored", message, change.id, change.payload)
            report = {"event": event.seq, "passed_over": event.payload["passed_over"]}
        except DataError as error:  # restored as it was backed up; `audit verify` says what is wrong with it
            report = {"trail_damaged": str(error)}
        self._tell(
            workspace_trail(self._settings), change, "project_restored", f"{change.slug}: {message}", report
        )

    def _trail(self, number: int, root: Path) -> Trail:
        paths = ProjectPaths(root)
        store = EventStore(self._engine, number, paths, Witness(self._settings.home, root))
        return Trail(store, number, paths, self._settings.actor)

    def _tell(
        self, trail: Trail, change: Change, code: str, message: str, more: dict[str, object] | None = None
    ) -> None:
        """The event of a change, once."""
        try:
            written = trail.find(code, change=change.id) is not None
        except DataError:
            written = False  # of a damaged trail; the event then goes to its spool
        if not written:
            payload = {"change": change.id, "project": change.project, **change.payload, **(more or {})}
            trail.emit(StageName.SYSTEM, code, message, payload=payload)


_COMPLETE: dict[str, Callable[[Changes, Change], None]] = {
    "rename": Changes._rename,
    "move": Changes._move,
    "delete": Changes._delete,
    "restore": Changes._restore,
}


def remove_own(root: Path) -> None:
    """Remove what narrowcast put into a project's folder, and the folder if nothing else is in it."""
    for name in OWN:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(root.iterdir()):
        root.rmdir()


def require_no_owner(folder: Path) -> None:
    """Refuse a place for a project where another keeps its own files: it would be deleted with that one.

    Raises:
        UsageError: if it is one.
    """
    place = folder.resolve()
    for parent in place.parents:
        if (parent / "narrowcast.yaml").is_file() and place.relative_to(parent).parts[0] in OWN:
            raise UsageError(
                f"the folder belongs to the project in {parent}",
                where=str(folder),
                next_command="choose another folder",
            )


def identity_of(folder: Path) -> tuple[int, int]:
    """Device and inode."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_valid(change: Change) -> bool:
    """Whether the step was done that makes the change valid."""
    source, target = Path(change.source), Path(change.target)
    if change.kind == "rename":
        return True
    if change.kind == "delete":
        return not (source / "narrowcast.yaml").exists()
    if not (target / "narrowcast.yaml").exists():
        return False
    if change.aside:
        return change.checked and not Path(change.aside).exists()
    return not source.exists()


def _retitle(page: Path, before: str, after: str) -> None:
    """Change the first line of a page where it is still the one that was written for the project."""
    if not page.is_file():
        return
    first, newline, rest = page.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
    if first == f"# {escape(before)}":
        write_text(page, f"# {escape(after)}{newline}{rest}")
