"""Changes of a whole project that take several steps, noted before the first one.

    HOME/changes/<id>.json    what is being changed; its process holds a lock on the file

A note whose lock is free belongs to a process that died. `narrowcast.pipeline.changes` completes such a
change or takes it back, before any project is opened.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError

from narrowcast.faults import os_error
from narrowcast.store.files import disk_errors


class Change(BaseModel):
    """A rename, a move, a deletion or a restoration of a project.

    Attributes:
        project: its number in the workspace; 0 for one that is to be restored.
        slug: its name in commands, after the change.
        name: its name in `narrowcast.yaml`, after a rename.
        source: its folder before the change; "" for one that is to be restored.
        target: its folder after a move or a restoration.
        aside: hidden folder beside the target, where a copy is made and checked.
        identity: device and inode of the source, by which it is known again.
        checked: the copy in `aside` is whole, so that its new name makes the change valid.
        payload: for the event of the change.
    """

    id: str = Field(default_factory=lambda: f"change-{uuid4().hex[:12]}")
    kind: Literal["rename", "move", "delete", "restore"]
    project: int = 0
    slug: str = ""
    name: str = ""
    source: str = ""
    target: str = ""
    aside: str = ""
    identity: tuple[int, int] | None = None
    checked: bool = False
    payload: dict[str, Any] = Field(default_factory=dict)


class Note:
    """The note of one change; whoever has it holds the lock of its file."""

    def __init__(self, path: Path, file: IO[str], change: Change) -> None:
        self.change = change
        self._path = path
        self._file = file

    def update(self, **fields: Any) -> None:
        """Change fields of the noted change, on the disk first."""
        self.change = self.change.model_copy(update=fields)
        file = _locked(self._path, self.change)
        self._file.close()
        self._file = file

    def done(self) -> None:
        """The change is complete, or taken back."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock."""
        self._file.close()


@contextmanager
def noted(home: Path, change: Change) -> Iterator[Note]:
    """Hold the note of a change; it stays after the block unless `done` was called."""
    path = home / "changes" / f"{change.id}.json"
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    note = Note(path, _locked(path, change), change)
    try:
        yield note
    finally:
        note.close()


def left_changes(home: Path) -> Iterator[Note]:
    """The changes of processes that died, each held while it is looked at."""
    folder = home / "changes"
    _sweep(folder)
    for path in sorted(folder.glob("change-*.json")) if folder.is_dir() else ():
        try:
            file = path.open("r+", encoding="utf-8")
        except FileNotFoundError:
            continue  # another process has just settled it
        except OSError as error:
            raise os_error(error, path) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # under way
            if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                continue
            try:
                change = Change.model_validate_json(file.read())
            except ValidationError:
                path.rename(path.with_suffix(".damaged"))
                continue
            yield Note(path, file, change)


def _sweep(folder: Path) -> None:
    """Remove notes that a killed process was writing: they hold a text, which is written under the lock."""
    for part in folder.glob("change-*.part"):
        with suppress(FileNotFoundError), part.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if os.fstat(file.fileno()).st_size:
                part.unlink(missing_ok=True)


def _locked(path: Path, change: Change) -> IO[str]:
    """The file with the change, under its name only when it is whole and locked."""
    part = path.with_suffix(".part")
    with disk_errors(path):
        file = part.open("w", encoding="utf-8")
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(change.model_dump(mode="json"), ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())
        part.replace(path)
    return file
