"""What a workspace remembers of a project's trail: its newest event, in a file outside the project.

A trail that was deleted, shortened or rewritten, head file included, does not hold the remembered event any
more. The memory belongs to the folder of the project in this workspace, so a copy begins one of its own, and
a move takes it along. Where an older trail is accepted on purpose, as of a restored backup, the memory keeps
what was passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from narrowcast.errors import DataError
from narrowcast.store.files import read_json, write_json

Place = tuple[int, str]
"""Number and hash of an event."""


class Acknowledged(BaseModel):
    """A trail that ended before the remembered event and was accepted all the same, because somebody said so.

    Attributes:
        event: the event that says so; it follows the accepted end of the trail.
        end: where the accepted trail ended.
        passed: the event that was remembered until then.
        time: UTC.
    """

    event: Place
    end: Place
    passed: Place
    time: str


class Witness:
    """The memory of one project's trail.

    Args:
        home: the workspace.
        root: the project's folder.
    """

    def __init__(self, home: Path, root: Path) -> None:
        self._root = str(root)
        name = hashlib.sha256(self._root.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self.path = home / "trails" / f"{name}.json"

    def newest(self) -> Place | None:
        """The newest event that was seen; None where nothing is remembered.

        Raises:
            DataError: if the memory is damaged.
        """
        value = self._read()
        return (value["seq"], str(value.get("hash"))) if value else None

    def acknowledged(self) -> list[Acknowledged]:
        """Every trail that was accepted although it ended before the remembered event, oldest first.

        Raises:
            DataError: if the memory is damaged.
        """
        try:
            return [Acknowledged.model_validate(each) for each in self._read().get("acknowledged", [])]
        except (ValidationError, TypeError) as error:
            raise _damaged(self.path) from error

    def see(self, event: Place, before: Place, holds: Callable[[Place], bool]) -> None:
        """Remember an event of a trail that holds the remembered one; another leaves the memory as it is.

        Args:
            event: the newest.
            before: the one it follows.
            holds: whether the trail holds an event; asked where the remembered one is further back.

        Raises:
            DataError: if the memory is damaged.
            WorkspaceError: if it cannot be written.
        """
        known = self.newest()
        if known is None or known == before or holds(known):
            self.remember(event)

    def remember(self, event: Place) -> None:
        """Remember an event, whatever was remembered."""
        self._write(event, self.acknowledged())

    def acknowledge(self, accepted: Acknowledged) -> None:
        """Remember the event that accepts a trail, and what it passes over."""
        self._write(accepted.event, [*self.acknowledged(), accepted])

    def carry_to(self, other: Witness) -> None:
        """The project has another folder: its memory goes there, in place of what was remembered of it."""
        if self.path.exists():
            event = self.newest()
            assert event is not None
            other._write(event, self.acknowledged())
            self.forget()

    def forget(self) -> None:
        """Begin anew, as for a new project in the same folder."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        value = read_json(self.path)
        if not isinstance(value, dict) or not isinstance(value.get("seq"), int):
            raise _damaged(self.path)
        return value

    def _write(self, event: Place, acknowledged: list[Acknowledged]) -> None:
        value: dict[str, Any] = {"project": self._root, "seq": event[0], "hash": event[1]}
        if acknowledged:
            value["acknowledged"] = [each.model_dump(mode="json") for each in acknowledged]
        write_json(self.path, value)


def _damaged(path: Path) -> DataError:
    return DataError("the file is not a memory of a trail", where=str(path))
