"""The form of a project's files, as a number in `registry/format.json`, and the way from one to the next.

Each change of a stored form raises the number and brings a migration. `narrowcast migrate` runs those that a
project lacks, in order. A migration is a list of changes; a change can be made again without harm, and what
it replaces is removed only when its successor is on the disk, so a kill at any moment loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import UsageError, WorkspaceError
from narrowcast.store.files import append_jsonl, read_json, read_jsonl, write_json

MIGRATIONS = ("0001_records_and_events",)
"""Modules of `narrowcast.store.project_migrations`; the number of the last is the current format."""
CURRENT_FORMAT = len(MIGRATIONS)


@dataclass(frozen=True, slots=True)
class OldProject:
    """A project to migrate, and the database that may hold a part of it."""

    paths: ProjectPaths
    engine: Engine
    project_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a migration: what it does, for people, and the doing."""

    what: str
    apply: Callable[[], None]
    completes: int | None = None
    """The format that the project has after this change, where it is the last of a migration."""


Migration = Callable[[OldProject], Iterable[Change]]


def read_format(paths: ProjectPaths) -> int:
    """The format of a project's files; 0 is that of versions that did not number it.

    Raises:
        WorkspaceError: if the file was damaged by hand.
    """
    if not paths.format.exists():
        return 0 if paths.registry.is_dir() else CURRENT_FORMAT  # without records there is nothing to migrate
    try:
        return int(read_json(paths.format)["format"])
    except (KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(
            "the number of the project's format cannot be read",
            where=str(paths.format),
            next_command="restore the file from a backup",
        ) from error


def write_format(paths: ProjectPaths, number: int = CURRENT_FORMAT) -> None:
    """Say which format the files have."""
    write_json(paths.format, {"format": number})


def require_current_format(paths: ProjectPaths) -> None:
    """Refuse a project that this version cannot read; number one that has no records yet.

    Raises:
        UsageError: if it was written by an older or by a newer version.
    """
    number = read_format(paths)
    if number < CURRENT_FORMAT:
        raise UsageError(
            "the project was written by an older version of narrowcast",
            where=str(paths.root),
            next_command=f"narrowcast migrate --project {paths.root}",
        )
    if number > CURRENT_FORMAT:
        raise UsageError(
            f"the project has format {number}, and this version knows {CURRENT_FORMAT}",
            where=str(paths.root),
            next_command="upgrade narrowcast",
        )
    if not paths.format.exists():
        write_format(paths)


def pending_changes(project: OldProject) -> Iterator[Change]:
    """What the migrations would do that the project lacks.

    Each migration is asked when the changes of the one before have been consumed, so that a caller who
    applies them as they come lets it see their result.
    """
    for number in range(read_format(project.paths) + 1, CURRENT_FORMAT + 1):
        yield from _migration(number)(project)
        yield Change(f"format {number}", partial(_complete, project.paths, number), completes=number)


def begin_change(paths: ProjectPaths, change: Change) -> None:
    """Note a change before it is made; `_complete` removes the notes."""
    append_jsonl(_begun_path(paths), {"what": change.what})


def begun_changes(paths: ProjectPaths) -> list[str]:
    """The changes of the migration under way, with those made before it was interrupted."""
    path = _begun_path(paths)
    return list(dict.fromkeys(line["what"] for line in read_jsonl(path))) if path.exists() else []


def _complete(paths: ProjectPaths, number: int) -> None:
    """Notes first: left behind by a kill, they would enter the event of the next migration."""
    _begun_path(paths).unlink(missing_ok=True)
    write_format(paths, number)


def _begun_path(paths: ProjectPaths) -> Path:
    return paths.registry / "migration.jsonl"


def _migration(number: int) -> Migration:
    module: Any = import_module(f"narrowcast.store.project_migrations.{MIGRATIONS[number - 1]}")
    migration: Migration = module.changes
    return migration
