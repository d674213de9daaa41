"""`?fill=COLUMN`: cells that were merged, of which only the first one of each block holds the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from narrowcast.connectors.source import data_error
from narrowcast.core.row import SourceRow

_FILL = re.compile(r"[?&]fill=[^&]*")
_OPTION = re.compile(r"\?[^/?]*=[^/?]*$")
_SPECIAL = re.compile(r"""[%&+?/'"]""")  # in a locator, or between the quotes of a command


def with_filled(locator: str, columns: Sequence[str]) -> str:
    """The locator with these columns filled as well."""
    names = "|".join(_SPECIAL.sub(lambda each: f"%{ord(each[0]):02X}", name) for name in columns)
    before = _FILL.search(locator)
    if before:
        return f"{locator[: before.end()]}|{names}{locator[before.end() :]}"
    return f"{locator}{'&' if _OPTION.search(locator) else '?'}fill={names}"


class FillDown:
    """Gives empty cells of some columns the value above them.

    Args:
        option: names of columns with vertical bars between; None where nothing is filled.
        columns: those of the table.
        locator: for the error.

    Raises:
        UsageError: for a column that the table does not have.
    """

    def __init__(self, option: str | None, columns: Sequence[str], locator: str) -> None:
        self._columns = [each.strip() for each in option.split("|")] if option is not None else []
        unknown = [each for each in self._columns if each not in columns]
        if unknown:
            raise data_error(
                f"there is no column {unknown[0]!r} to fill",
                locator,
                f"name one of these after ?fill=: {', '.join(columns)}",
                reason_code="dataset_request_invalid",
            )

    @property
    def notes(self) -> list[str]:
        """What the user sees."""
        named = ", ".join(map(repr, self._columns))
        return [f"empty cells of {named} have the value above them, as the locator says"] if named else []

    def rows(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """The rows with those cells filled; one that cannot be read stays as it is."""
        if not self._columns:
            yield from rows
            return
        above: dict[str, object] = {}
        for row in rows:
            if row.error is None:
                above |= {
                    name: value for name in self._columns if (value := row.data.get(name)) not in (None, "")
                }
                row = SourceRow(row.index, {**row.data, **above}, record=row.record)
            yield row
