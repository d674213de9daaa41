"""Quotes that quote nothing: a stray one makes a value of every line up to the next quote.

`csv` reads such a record without an error, and with the right number of fields. It is doubted where each of
its lines reads as a record of its own.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_ESCAPED = re.compile(r'((?:^|[^\\])(?:\\\\)*)\\"')
_LEAST_SEEN = 8  # records before a column of few values says what a record looks like
_MOST_VALUES = 200


def doubled(line: str) -> str:
    r"""A line whose quotes are escaped as `\"`, with each written `""`, as `csv.reader` has it."""
    while True:
        changed = _ESCAPED.sub(r'\1""', line)
        if changed == line:
            return line
        line = changed


def padded(delimiter: str) -> re.Pattern[str]:
    """White space between a quote that closes a field and the delimiter or the end of the line."""
    return re.compile(
        rf'(?<=[^"]")[ \t]+(?={re.escape(delimiter)}|[\r\n]*$)' if delimiter else "(?!)", re.MULTILINE
    )


@dataclass(slots=True)
class LineReading:
    """What the lines of a file look like one by one.

    Attributes:
        width: fields of a record.
        usual: values of the columns that hold few, by the number of the column.
    """

    delimiter: str
    width: int
    usual: dict[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, delimiter: str, width: int, records: Iterable[list[str]]) -> LineReading:
        """Learned from records of one line each."""
        columns: list[Counter[str]] = [Counter() for _ in range(width)]
        for record in records:
            if len(record) == width:
                for counts, cell in zip(columns, record, strict=True):
                    counts[cell.strip()] += 1
        usual = {
            number: frozenset(counts)
            for number, counts in enumerate(columns)
            if counts.total() >= _LEAST_SEEN
            and len(counts) <= min(_MOST_VALUES, 0.3 * counts.total())
            and counts.keys() != {""}
        }
        return cls(delimiter, width, usual)

    def doubts(self, lines: Sequence[str]) -> bool:
        """Whether the lines of one record are more likely records of their own.

        A text over several lines is cut by its line ends: neither its first nor its last line has all fields,
        unless the text holds delimiters of its own. So where delimiters are common in texts, the values must
        fit as well.
        """
        if self.width < 2 or not self.delimiter or len(lines) < 2:
            return False
        ends = [_plain(lines[0], self.delimiter), _plain(lines[-1], self.delimiter)]
        if any(len(fields) != self.width for fields in ends):
            return False
        inner = [self._fields(line) for line in lines[1:-1]]
        filled = [fields for fields in inner if any(fields)]
        fitting = [fields for fields in filled if len(fields) == self.width]
        if self.width >= 4 or self.delimiter == "\t":
            return 2 * len(fitting) >= len(filled)
        if len(fitting) < len(inner):
            return False
        if not self.usual:
            return len(fitting) >= 3
        rows = [*ends, *fitting]
        known = sum(all(row[n].strip() in values for n, values in self.usual.items()) for row in rows)
        return known >= 0.8 * len(rows)

    def _fields(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return _plain(line, self.delimiter)


def _plain(line: str, delimiter: str) -> list[str]:
    return line.rstrip("\r\n").split(delimiter)
