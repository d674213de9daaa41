"""What was deleted on request, and what is being deleted.

registry/forgotten.jsonl       hashes of deleted records, so that no import brings them back
registry/forget.pending.json   a deletion under way; it goes last, after the event that tells of the deletion
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from narrowcast.core.hashing import content_hash
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.row import FORGOTTEN, SourceRow
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.files import append_jsonl, read_json_as, read_jsonl, write_json


class PendingDeletion(BaseModel):
    """`registry/forget.pending.json`: written before the first row is deleted, removed after the event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    outcome: dict[str, Any]
    """What the deletion returns, counted before it began; of older versions nothing but its `ids`."""
    conditions_sha256: str = ""
    """Of what the rows were chosen by."""
    ending: int | None = None
    """Number of the newest event before that of the deletion; None while rows are being deleted."""
    sealed: list[str] = Field(default_factory=list)
    """Files to rewrite that were as the trail says before the deletion; its event names them anew."""
    written: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of those that were rewritten, noted before they get their names."""

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_version(cls, value: Any) -> Any:
        return {"outcome": value} if isinstance(value, dict) and set(value) == {"ids"} else value


def record_hash(data: Any, raw: str | None) -> str:
    """Content address of a record as its source gave it; of its text where it could not be read."""
    return content_hash(data or {"raw": raw})


def read_forgotten(project: ProjectPaths) -> frozenset[str]:
    """Every hash; empty where nothing was forgotten."""
    path = project.registry / "forgotten.jsonl"
    return frozenset(line["sha256"] for line in read_jsonl(path)) if path.exists() else frozenset()


def append_forgotten(project: ProjectPaths, hashes: Iterable[str]) -> None:
    """Add what is not there yet."""
    known = read_forgotten(project)
    for each in sorted(set(hashes) - known):
        append_jsonl(project.registry / "forgotten.jsonl", {"sha256": each})


def read_pending(project: ProjectPaths) -> PendingDeletion | None:
    """The deletion that was interrupted; None where none was.

    Raises:
        WorkspaceError: if the file was damaged by hand.
    """
    path = _pending_path(project)
    if not path.exists():
        return None
    try:
        return read_json_as(path, PendingDeletion)
    except DataError as error:
        raise WorkspaceError(
            f"the note of an interrupted deletion cannot be read: {error.what}",
            where=error.where,
            next_command="restore it from a backup, then the same narrowcast data forget again",
        ) from error


def write_pending(project: ProjectPaths, pending: PendingDeletion) -> None:
    """Note what is being deleted, so that the next deletion finishes it after a kill."""
    write_json(_pending_path(project), pending.model_dump(mode="json"))


def clear_pending(project: ProjectPaths) -> None:
    """Everything was deleted, and the trail tells of it."""
    _pending_path(project).unlink()


def withheld(rows: Iterable[SourceRow], forgotten: frozenset[str]) -> Iterator[SourceRow]:
    """The same rows; of a forgotten one nothing but its number, which the ledger counts."""
    if not forgotten:
        yield from rows
        return
    for row in rows:
        yield SourceRow(row.index, error=FORGOTTEN) if _is_forgotten(row, forgotten) else row


def _pending_path(project: ProjectPaths) -> Path:
    return project.registry / "forget.pending.json"


def _is_forgotten(row: SourceRow, forgotten: frozenset[str]) -> bool:
    try:
        return record_hash(row.data, row.raw) in forgotten
    except (ValueError, TypeError, RecursionError):
        return False  # a value without a JSON form was never stored, so it was never forgotten
