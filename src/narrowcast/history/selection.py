"""Which rows are meant by ids, by the values of columns, or by a text in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import UsageError
from narrowcast.store.import_rows import accepted_rows, raw_lines
from narrowcast.store.reviews import read_reviews


class Selection:
    """Rows that are named by id, plus rows that meet every other condition given.

    Args:
        ids: row ids, `IMPORT:NUMBER`.
        where: column or dotted path → its value, written out; of the source's record or the example.
        text: stands, in upper or lower case, anywhere in the record or the example.

    Raises:
        UsageError: if nothing is given, or a text that is nearly everywhere.
    """

    def __init__(
        self, ids: Sequence[str] = (), where: Mapping[str, str] | None = None, text: str | None = None
    ) -> None:
        self._ids = frozenset(ids)
        self._where = dict(where or {})
        self._text = text.casefold() if text is not None else None
        if not self._ids and not self._where and not (self._text or "").strip():
            raise UsageError(
                "no rows were named",
                next_command="name them by --id IMPORT:NUMBER, --where COLUMN=VALUE or --text TEXT",
                reason_code="dataset_request_invalid",
            )

    @property
    def sha256(self) -> str:
        """Names the conditions without telling them."""
        return content_hash({"ids": sorted(self._ids), "where": self._where, "text": self._text})

    def find(self, paths: ProjectPaths, records: Sequence[ImportRecord]) -> set[str]:
        """Ids of the rows that are meant, and of the rows that were generated after them."""
        row_ids = {row_id for row_id, value in _stored(paths, records) if self._meant(row_id, value)}
        while True:
            rows = accepted_rows(paths, records, checked=False)
            children = {row.id for row in rows if row_ids & set(row.parents)} - row_ids
            if not children:
                return row_ids
            row_ids |= children

    def _meant(self, row_id: str, value: Mapping[str, Any]) -> bool:
        if row_id in self._ids:
            return True
        if not self._where and self._text is None:
            return False
        if not all(_equals(_value(value, path), wanted) for path, wanted in self._where.items()):
            return False
        return self._text is None or any(self._text in text.casefold() for text in _texts(value))


def _stored(paths: ProjectPaths, records: Sequence[ImportRecord]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record as its source gave it, each example, each edit; unreadable records as their text."""
    for record in records:
        for line in raw_lines(paths, record.id):
            yield f"{record.id}:{line['index']}", line.get("data") or {"raw": line.get("raw")}
    for row in accepted_rows(paths, records, checked=False):
        yield row.id, {**row.inputs, "target": row.target}
    for review in read_reviews(paths):
        if review.decision == "edit":
            yield review.id, {**(review.inputs or {}), "target": review.target}


def _value(value: Any, path: str) -> Any:
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _equals(value: Any, wanted: str) -> bool:
    if value is None:
        return False
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) == wanted


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)
