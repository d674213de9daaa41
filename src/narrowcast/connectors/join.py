"""`join:LOCATOR+LOCATOR?on=COLUMN`: two sources as one, joined on a column that both have.

Rows are those of the first source, in its order, with the columns of the second added. The second source is
held in memory. Its rows without a partner in the first come last, as rows with an error, so that none is lost
silently; so does a row whose key occurs twice in the second source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from narrowcast.connectors.base import Connector, SettledLocator, SourceDescription
from narrowcast.connectors.source import RAW_CHARS, data_error
from narrowcast.core.hashing import canonical_json, content_hash
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import UsageError


def split_join(rest: str) -> tuple[Locator, Locator, str]:
    """Both locators and the column they share (`id` where none is named).

    Raises:
        UsageError: if it is not two known locators with a plus between them.
    """
    from narrowcast.connectors import CONNECTORS

    locators, mark, column = rest.rpartition("?on=")
    text, column = (locators, column) if mark else (rest, "id")
    for plus in re.finditer(r"\+(?=(\w+):)", text):
        if plus.group(1) in CONNECTORS and plus.group(1) != "join":
            left, right = text[: plus.start()], text[plus.end() :]
            return Locator.parse(left), Locator.parse(right), column
    raise UsageError(
        "a join needs two locators with a plus between them",
        where=f"join:{rest}",
        next_command="for example join:file:questions.json+file:answers.json?on=id",
        reason_code="dataset_request_invalid",
    )


class JoinConnector:
    """Built from two locators; each side is read by its own connector, with the same access."""

    takes_access = True

    @staticmethod
    def settle(locator: Locator, project: Path, listed: bool) -> SettledLocator:
        """Each side as a source of its own would be."""
        from narrowcast.connectors import settle

        left, right, column = split_join(locator.rest)
        sides = [settle(str(side), project, listed=listed) for side in (left, right)]
        opened = "+".join(str(each.opened) for each in sides)
        recorded = "+".join(each.recorded for each in sides)
        return SettledLocator(
            str(locator) if listed else f"join:{recorded}?on={column}",
            Locator("join", f"{opened}?on={column}"),
        )

    def __init__(self, rest: str, access: Any = None) -> None:
        from narrowcast.connectors import connect

        left, right, self._on = split_join(rest)
        self._locator = f"join:{rest}"
        self._names = (str(left), str(right))
        given = () if access is None else (access,)
        self._left: Connector = connect(left, *given)
        self._right: Connector = connect(right, *given)

    def describe(self) -> SourceDescription:
        """Both sides' notes; columns of the first, then those that the second adds.

        Raises:
            DataError: if a side does not have the column.
        """
        sides = self._left.describe(), self._right.describe()
        for name, side in zip(self._names, sides, strict=True):
            if self._on not in side.columns:
                raise data_error(
                    f"there is no column {self._on!r} to join on",
                    f"{name}: columns {', '.join(side.columns[:20])}",
                    "name one that both sources have: ?on=COLUMN after the second locator",
                    reason_code="dataset_request_invalid",
                )
        first, second = sides
        added = [column for column in second.columns if column not in first.columns]
        notes = [f"the first: {note}" for note in first.notes] + [
            f"the second: {note}" for note in second.notes
        ]
        notes.append(f"joined on {self._on!r}: {', '.join(added) or 'nothing'} from {self._names[1]}")
        return SourceDescription(
            locator=self._locator, format="join", columns=[*first.columns, *added], notes=notes
        )

    def fingerprint(self) -> str:
        """Of both sides; empty where one has none."""
        sides = [getattr(each, "fingerprint", str)() for each in (self._left, self._right)]
        return f"sha256:{content_hash(sides)}" if all(sides) else ""

    def load(self) -> Iterator[SourceRow]:
        """Rows of the first source with what the second adds, then what of the second was not asked for."""
        found, twice, broken = self._read_right()
        asked: set[bytes] = set()
        index = 0
        for row in self._left.load():
            key = _key(row.data.get(self._on))
            if row.error is None and key is not None and key in twice:
                asked.add(key)
                error = f"{self._names[1]} holds {self._on} = {_shown(key)} more than once"
                yield SourceRow(index, error=error, raw=str(row.data)[:RAW_CHARS])
            elif row.error is None and key is not None and key in found:
                asked.add(key)
                yield SourceRow(index, {**found[key], **row.data})
            else:
                yield SourceRow(index, row.data, row.error, row.raw)
            index += 1
        for row in broken:
            yield SourceRow(index, error=f"{self._names[1]}: {row.error}", raw=row.raw)
            index += 1
        for key, data in found.items():
            if key not in asked:
                error = f"no row of {self._names[0]} has {self._on} = {_shown(key)}"
                yield SourceRow(index, error=error, raw=str(data)[:RAW_CHARS])
                index += 1

    def _read_right(self) -> tuple[dict[bytes, dict[str, Any]], set[bytes], list[SourceRow]]:
        found: dict[bytes, dict[str, Any]] = {}
        twice: set[bytes] = set()
        broken: list[SourceRow] = []
        for row in self._right.load():
            key = _key(row.data.get(self._on))
            if row.error is not None or key is None:
                error = row.error or f"the row has no {self._on}"
                broken.append(SourceRow(row.index, error=error, raw=row.raw or str(row.data)[:RAW_CHARS]))
            elif key in found:
                twice.add(key)
            else:
                found[key] = row.data
        return found, twice, broken


def _key(value: Any) -> bytes | None:
    return None if value is None or value == "" else canonical_json(value)


def _shown(key: bytes) -> str:
    return key.decode("utf-8", "replace")[:80]
