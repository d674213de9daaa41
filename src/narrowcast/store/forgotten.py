"""`registry/forgotten.jsonl`: hashes of records deleted on request, so that no import brings them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.row import FORGOTTEN, SourceRow
from narrowcast.store.files import append_jsonl, read_jsonl


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


def withheld(rows: Iterable[SourceRow], forgotten: frozenset[str]) -> Iterator[SourceRow]:
    """The same rows; of a forgotten one nothing but its number, which the ledger counts."""
    if not forgotten:
        yield from rows
        return
    for row in rows:
        yield SourceRow(row.index, error=FORGOTTEN) if _is_forgotten(row, forgotten) else row


def _is_forgotten(row: SourceRow, forgotten: frozenset[str]) -> bool:
    try:
        return record_hash(row.data, row.raw) in forgotten
    except (ValueError, TypeError, RecursionError):
        return False  # a value without a JSON form was never stored, so it was never forgotten
