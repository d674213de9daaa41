"""What a workspace remembers of a project's trail: its newest event, in a file outside the project.

A trail that was deleted, shortened or rewritten, head file included, does not hold the remembered event any
more. The memory belongs to the folder of the project in this workspace, so a copy begins one of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from narrowcast.errors import DataError
from narrowcast.store.files import read_json, write_json

Place = tuple[int, str]
"""Number and hash of an event."""


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
        if not self.path.exists():
            return None
        value = read_json(self.path)
        if not isinstance(value, dict) or not isinstance(value.get("seq"), int):
            raise DataError("the file is not a memory of a trail", where=str(self.path))
        return value["seq"], str(value.get("hash"))

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
        write_json(self.path, {"project": self._root, "seq": event[0], "hash": event[1]})

    def forget(self) -> None:
        """Begin anew, as for a new project in the same folder."""
        self.path.unlink(missing_ok=True)
