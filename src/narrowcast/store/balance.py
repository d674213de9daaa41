"""`registry/balance.json`: train rows that balancing leaves out, by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.files import read_json_as, write_text


class LeftOut(BaseModel):
    """The choice, and the options it came from."""

    options: dict[str, Any] = Field(default_factory=dict)
    rows: list[str] = Field(default_factory=list, description="Ids, sorted.")


def balance_path(project: ProjectPaths) -> Path:
    """Where the choice stands."""
    return project.registry / "balance.json"


def read_left_out(project: ProjectPaths) -> LeftOut | None:
    """The choice, or None where nothing is balanced.

    Raises:
        WorkspaceError: if the file was damaged by hand.
    """
    path = balance_path(project)
    if not path.exists():
        return None
    try:
        return read_json_as(path, LeftOut)
    except DataError as error:
        raise WorkspaceError(
            f"the record of balanced rows cannot be read: {error.what}",
            where=error.where,
            next_command="narrowcast data balance --undo, or delete the file",
        ) from error


def write_left_out(project: ProjectPaths, left_out: LeftOut) -> None:
    """Replace the choice."""
    write_text(balance_path(project), left_out.model_dump_json(indent=1) + "\n")


def remove_left_out(project: ProjectPaths) -> None:
    """Take the choice back."""
    balance_path(project).unlink()
