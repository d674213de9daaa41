"""Statistics of every column over the whole source, in bounded memory."""

from __future__ import annotations

import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

from narrowcast.core.row import FILTERED, FORGOTTEN, SourceRow

SAMPLE_ROWS = 20
DRAWN_ROWS = 200  # drawn from all rows: the head of a sorted file is all of one kind
_LARGE_ROW = 200_000  # characters; a larger row is not drawn, so that memory stays bounded
_TEXTS = 100  # texts of which rows are kept together,
_OF_ONE = 3  # and how many of each
MAX_DISTINCT = 5_000  # values of one column that are counted one by one
MAX_COLUMNS = 500
_WIDE = 40  # columns after this one keep a tenth of that many values
_MAX_DEPTH = 3
_LONGEST_VALUE = 200  # longer strings are no labels; they are counted by their hash, not kept
_LONGEST_LIST = 50  # a longer one does not list labels
_LOOKED_AT = 500  # strings of a column that are tested for being numbers or dates
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]+")
_LETTERS_A_WORD = 2  # of scripts that write no spaces between words: Chinese, Japanese, Thai, …
_TOGETHER = 64  # strings of a column that are counted in one go,
_SHORT = 2_000  # unless one is longer, so that memory stays bounded

_NUMBER = re.compile(r"\s*[-+]?[\d.,\s]*\d[\d.,]*(?:[eE][-+]?\d+)?\s*%?\s*")
_DATE = re.compile(
    r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}.*)?\s*|\s*\d{1,2}:\d{2}(?::\d{2})?\s*"
)


@dataclass(slots=True)
class Column:
    """Counts over one column; rows where it is absent or empty are `rows - filled`."""

    name: str
    most_values: int = MAX_DISTINCT
    rows: int = 0
    filled: int = 0
    types: Counter[str] = field(default_factory=Counter)
    words: int = 0
    characters: int = 0
    longest: int = 0
    numbers: int = 0
    dates: int = 0
    looked_at: int = 0
    values: Counter[Any] = field(default_factory=Counter)
    open_ended: bool = False
    """More values than `most_values`; counting stopped there."""
    fraction: bool = False
    """Holds numbers that are not whole."""
    listed: Counter[str] = field(default_factory=Counter)
    """Rows of each text or whole number in lists of at most 50, and of at most 2,000 characters."""
    lists_cut: bool = False
    """A longer list, or more values than `most_values`; none is kept."""
    examples: list[Any] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Strings that `settle` has to count before any other value is added."""

    def add(self, value: Any) -> None:
        """Take one value other than a string."""
        if value is not None:
            self.settle()
            self._add_other(value)

    def settle(self) -> None:
        """Count the strings that wait."""
        texts, count = self.waiting, len(self.waiting)
        if not texts:
            return
        self.waiting = []
        self.filled += count
        self.types["string"] += count
        self.examples += texts[: max(0, SAMPLE_ROWS - len(self.examples))]
        joined, longest = "".join(texts), max(map(len, texts))
        self.words += joined.count(" ") + count
        if not joined.isascii():
            self.words += sum(map(len, _UNSPACED.findall(joined))) // _LETTERS_A_WORD
        self.characters += len(joined)
        self.longest = max(self.longest, longest)
        for value in texts[: _LOOKED_AT - self.looked_at]:
            self.looked_at += 1
            self.numbers += _NUMBER.fullmatch(value) is not None
            self.dates += _DATE.fullmatch(value) is not None
        if longest <= _LONGEST_VALUE and len(self.values) + count <= self.most_values:
            self.values.update(texts)  # none can be the one too many
        elif not self.open_ended:
            for value in texts:
                self._count(value if len(value) <= _LONGEST_VALUE else hash(value))

    def _add_other(self, value: Any) -> None:
        self.filled += 1
        if len(self.examples) < SAMPLE_ROWS:
            self.examples.append(value)
        if isinstance(value, bool | int | float):
            self.types["boolean" if isinstance(value, bool) else "number"] += 1
            self.fraction = self.fraction or (isinstance(value, float) and not value.is_integer())
            self._count(str(value))
        else:
            self.types["list" if isinstance(value, list) else "object"] += 1
            if isinstance(value, list) and not self.lists_cut:
                self._list(value)

    def _list(self, value: list[Any]) -> None:
        if len(value) <= _LONGEST_LIST and len(self.listed) <= self.most_values:
            try:
                characters = len("".join(value))
            except TypeError:  # not all are strings
                value = [str(each) for each in value if isinstance(each, str | int)]
                characters = len("".join(value))
            if characters <= _SHORT:
                self.listed.update(set(value))
                return
        self.listed.clear()
        self.lists_cut = True

    def _count(self, value: Any) -> None:
        if self.open_ended:
            return
        if len(self.values) < self.most_values or value in self.values:
            self.values[value] += 1
        else:
            self.open_ended = True

    def share(self, *kinds: str) -> float:
        """Part of the filled rows that hold these types."""
        return sum(self.types[kind] for kind in kinds) / self.filled if self.filled else 0.0

    @property
    def mean_words(self) -> float:
        """Of its strings."""
        return self.words / max(1, self.types["string"])

    @property
    def mean_length(self) -> float:
        """Characters of its strings."""
        return self.characters / max(1, self.types["string"])

    @property
    def distinct(self) -> int | None:
        """Different values, where they could all be counted."""
        if self.open_ended or self.longest > _LONGEST_VALUE or self.types["list"] or self.types["object"]:
            return None
        return len(self.values)

    @property
    def variety(self) -> float:
        """How seldom values repeat: 1.0 where all that were counted differ."""
        return len(self.values) / max(1, self.values.total())

    @property
    def looks_numeric(self) -> bool:
        """Numbers or dates, or strings of them."""
        strings = self.looked_at and (self.numbers + self.dates) / self.looked_at > 0.5
        return bool(strings) or self.share("number") > 0.5


@dataclass(slots=True)
class Profile:
    """All columns, nested ones by their dotted path, the first good rows, and some drawn from all."""

    columns: dict[str, Column] = field(default_factory=dict)
    sample: list[dict[str, Any]] = field(default_factory=list)
    drawn: list[dict[str, Any]] = field(default_factory=list)
    drawn_at: list[int] = field(default_factory=list)
    """The number of each row drawn among the good ones, from 1."""
    alike: list[dict[str, Any]] = field(default_factory=list)
    """Rows of some texts, several of each that comes again, wherever in the source they stand."""
    last: dict[str, Any] = field(default_factory=dict)
    """The last good row: where tables have their totals."""
    rows: int = 0
    unparseable: int = 0
    first_error: str | None = None
    cut: bool = False
    """More columns than `MAX_COLUMNS`; the rest was not looked at."""

    def top_level(self) -> list[Column]:
        """Columns that are not inside another."""
        return [column for name, column in self.columns.items() if "." not in name or not self._inside(name)]

    def leaves(self) -> list[Column]:
        """Columns that hold values, not objects of columns."""
        return [column for column in self.columns.values() if column.share("object") < 0.5]

    def _inside(self, name: str) -> bool:
        parent = name.rpartition(".")[0]
        return parent in self.columns and self.columns[parent].types["object"] > 0

    def _add(self, data: Mapping[str, Any], prefix: str, depth: int) -> None:
        for key, value in data.items():
            name = f"{prefix}{key}" if prefix else str(key)
            column = self.columns.get(name)
            if column is None:
                if len(self.columns) >= MAX_COLUMNS:
                    self.cut = True
                    continue
                most = MAX_DISTINCT if len(self.columns) < _WIDE else MAX_DISTINCT // 10
                column = self.columns[name] = Column(name, most)
            if isinstance(value, str):
                if value:
                    column.waiting.append(value)
                    if len(column.waiting) >= _TOGETHER or len(value) > _SHORT:
                        column.settle()
                continue
            column.add(value)
            if isinstance(value, dict) and depth < _MAX_DEPTH:
                self._add(value, f"{name}.", depth + 1)


def profile(rows: Iterable[SourceRow]) -> Profile:
    """Read every row once."""
    result, draw, alike, good = Profile(), _Draw(), _Alike(), 0
    for row in rows:
        if row.error is None:
            good += 1
            if good <= SAMPLE_ROWS:
                result.sample.append(row.data)
            result._add(row.data, "", 1)
            result.last = row.data
            alike.look(row.data)
            if good == draw.next:
                draw.take(row.data)
        elif row.error not in (FILTERED, FORGOTTEN):
            result.unparseable += 1
            result.first_error = result.first_error or f"record {row.index}: {row.error}"
    result.rows = good + result.unparseable
    for column in result.columns.values():
        column.settle()
        column.rows = good
    result.drawn, result.drawn_at, result.alike = draw.rows, draw.places, alike.rows
    return result


class _Draw:
    """A fair sample of rows whose number is not known, the same each time (Li's algorithm L)."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.places: list[int] = []
        self.next = 1
        """The number, from 1, of the row to be taken next; those before it are passed over."""
        self._random = random.Random(0)  # noqa: S311 - a sample, no secret
        self._weight = 1.0

    def take(self, row: dict[str, Any]) -> None:
        """Take this row, in place of another once there are enough."""
        number = self.next
        self.next += 1
        if len(self.rows) < DRAWN_ROWS:
            if not _is_large(row):
                self.rows.append(row)
                self.places.append(number)
        elif not _is_large(row):
            place = self._random.randrange(DRAWN_ROWS)
            self.rows[place], self.places[place] = row, number
        if len(self.rows) == DRAWN_ROWS:
            self._weight *= exp(log(self._random.random()) / DRAWN_ROWS)
            self.next += int(log(self._random.random()) / log(1 - self._weight))


class _Alike:
    """The rows of those texts whose hashes are the smallest, so that no text is favoured.

    Of a row, the longest string stands for its text.
    """

    def __init__(self) -> None:
        self._rows: dict[int, list[dict[str, Any]]] = {}
        self._most = 1 << 32

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All of them, those of one text together."""
        return [row for rows in self._rows.values() for row in rows]

    def look(self, row: dict[str, Any]) -> None:
        """Keep this row if its text is one of them."""
        text, longest = "", 0
        for each in row.values():
            if isinstance(each, str) and len(each) > longest:
                text, longest = each, len(each)
        code = zlib.crc32(text.encode("utf-8", "surrogatepass"))
        if code >= self._most or _is_large(row):
            return
        rows = self._rows.setdefault(code, [])
        if len(rows) < _OF_ONE:
            rows.append(row)
        if len(self._rows) > _TEXTS:
            self._most = max(self._rows)
            del self._rows[self._most]


def _is_large(row: dict[str, Any]) -> bool:
    return len(json.dumps(row, default=str)) > _LARGE_ROW
