"""Which record of a table names its columns: the first, one below a title, or none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narrowcast.connectors.source import data_error

_MOST_TITLES = 10  # records above a header
_MOST_DIGITS = 9  # of the number of a line
_LEAST_BODY = 20  # records below, and
_FEW = 0.2  # different values to their number, for a column of a choice among few
_LONG = "holds long text"
_NUMBER = re.compile(r"[-+]?[\d.,:/\s%$€£-]*\d[\d.,:/\s%TZ-]*")
EXPLAINED = "units, types or a rule below the header"
_RULE = re.compile(r":?-{2,}:?|={2,}")
_UNIT = re.compile(r"\([^,'\"]{0,30}\)|\[[^,'\"]{0,30}\]|<[^,'\"]{0,30}>|:?-{2,}:?|={2,}")
_TYPES = frozenset([
    "string", "str", "object", "category", "categorical", "int", "integer", "int64", "float", "float64",
    "number", "numeric", "date", "datetime", "bool", "boolean", "varchar", "text",
    "response", "open-ended response",
])  # fmt: skip
_KNOWN = frozenset([
    "text", "sentence", "utterance", "message", "query", "content", "body", "comment", "title", "document",
    "input", "question", "context", "answer", "label", "labels", "category", "class", "intent", "target",
    "sentiment", "topic", "tag", "output", "response", "instruction", "prompt", "completion", "id", "name",
    "date", "type", "split", "source",
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """Where the column names stand.

    Attributes:
        names: stripped; empty ones are still empty. None where every record is data.
        above: records before it that are titles or comments.
        why: the reason, in plain words.
    """

    names: list[str] | None
    above: int
    why: str

    def is_repeated_by(self, record: Sequence[object]) -> bool:
        """Whether a record is the header once more, as where files were joined."""
        if self.names is None or not record or _cell(record[0]) != self.names[0].casefold():
            return False
        cells = [_cell(each) for each in record]
        return any(cells) and cells == [name.casefold() for name in self.names]

    def is_explained_by(self, records: Sequence[Sequence[object]]) -> bool:
        """Whether the first of the records below the header says what columns hold: units, types, a rule."""
        return self.names is not None and _explains(records[:1]) and not _explains(records[1:2])

    @property
    def notes(self) -> list[str]:
        """What the user sees."""
        lines = f"{self.above} line{'s' * (self.above > 1)} above the header"
        if self.above:
            return [self.why, f"{lines}: a title or comment, not read"]
        missed = (
            self.names is None and self.why.startswith("no header: the first") and "overrule" not in self.why
        )
        hint = "where another line is the header, name it: ?header=3 for line 3"
        return [self.why, hint] if missed else [self.why]


def _cell(value: object) -> str:
    return (
        value.lstrip("\ufeff").strip().casefold()
        if isinstance(value, str)
        else ""
        if value is None
        else str(value)
    )


def _explains(records: Sequence[Sequence[object]]) -> bool:
    cells = [cell for record in records for each in record if (cell := _cell(each))]
    return len(cells) > 1 and all(cell in _TYPES or _UNIT.fullmatch(cell) for cell in cells)


def is_rule(record: Sequence[str]) -> bool:
    """Whether a record is the line below the header of a table in Markdown."""
    cells = [each.strip() for each in record if each.strip()]
    return bool(cells) and all(map(_RULE.fullmatch, cells))


def find_header(records: list[list[str]]) -> Header:
    """Whether a record names the columns; titles and comments above it hold one cell each."""
    if not records:
        return Header(None, 0, "no header: there are no records")
    width = Counter(map(len, records)).most_common(1)[0][0]
    for above, record in enumerate(records[: _MOST_TITLES + 1]):
        if width > 1 and above and len(record) == width and not _is_title(record, width):
            names, why, sure = _judge(records[above:])
            if names is not None and (sure or not _is_comment(records[0])):
                return Header(names, above, why)
        if not (_is_title(record, width) or _is_comment(record)):
            break
    if len(records) > 2 and _is_group(records[0]) and _usual(records[1]) > 1 + _usual(records[0]):
        names, why, sure = _judge(records[1:])
        if names is not None and sure and len(names) == width:
            return Header(names, 1, why)
    names, why, _ = _judge(records)
    return Header(names, 0, why)


def header_of(
    option: str | None, records: list[list[str]], at: Callable[[int], int | None], locator: str
) -> Header:
    """The header as the option `header` says, or where it is found.

    Args:
        option: `yes`, `no`, the number of a line, or None.
        records: the first ones.
        at: which of them begins in a line, counted from 1; None where none does.
        locator: for the error.

    Raises:
        UsageError: for another option, or a line without a record among the first.
    """
    if option is None:
        return find_header(records)
    if option == "no":
        return Header(None, 0, "header=no, as the locator says")
    if option == "yes":
        return named_header(records)
    numbered = option.isdecimal() and len(option) <= _MOST_DIGITS and int(option) > 0
    above = at(int(option)) if numbered else None
    if above is None:
        raise data_error(
            f"line {option} holds no record that could be the header"
            if option.isdecimal()
            else f"header={option!r} is not yes, no or the number of a line",
            locator,
            "write ?header=no, or the line of the header, counted from 1: ?header=3",
            reason_code="dataset_request_invalid",
        )
    return Header([cell.strip() for cell in records[above]], above, f"header={option}, as the locator says")


def rejoined(records: list[list[str]], delimiter: str, width: int = 0) -> list[list[str]]:
    """The records with each that could be the header, and has too many cells, cut at no bracketed delimiter.

    `Weight(lbs,Sep)` is one name, where all other records have one cell less. A record that has the usual
    number of cells, or would not have it then, stays as it is.

    Args:
        records: from the first on.
        delimiter: what stands between two cells.
        width: the usual number of cells; 0 where it is that of most records.
    """
    width = width or Counter(map(len, records)).most_common(1)[0][0]
    result = list(records)
    for place, record in enumerate(records[: _MOST_TITLES + 1]):
        if len(record) > width > 1:
            groups = _bracketed(record)
            result[place] = [delimiter.join(each) for each in groups] if len(groups) == width else record
    return result


def _bracketed(cells: list[str]) -> list[list[str]]:
    """The cells, those between an open bracket and its end together."""
    groups: list[list[str]] = []
    open_ = 0
    for cell in cells:
        if groups and open_ > 0:
            groups[-1].append(cell)
            open_ += _open_brackets(cell)
        else:
            groups.append([cell])
            open_ = _open_brackets(cell)
    return groups


def _open_brackets(text: str) -> int:
    return sum((each in "([{") - (each in ")]}") for each in text)


def _usual(record: list[str]) -> int:
    return len({cell.strip().lower() for cell in record} & _KNOWN)


def _is_group(record: list[str]) -> bool:
    """Whether a record names groups of columns: its cells are empty or repeated where a group continues."""
    filled = [cell.strip() for cell in record if cell.strip()]
    return bool(filled) and len(set(filled)) < len(record) and all(len(cell) <= 40 for cell in filled)


def named_header(records: list[list[str]]) -> Header:
    """The header of a table that has one, as the user says: its first record that is not a title."""
    width = Counter(map(len, records)).most_common(1)[0][0]
    above = 0
    while above < min(_MOST_TITLES, len(records) - 1) and _is_title(records[above], width):
        above += 1
    return Header([cell.strip() for cell in records[above]], above, "header=yes, as the locator says")


def _is_title(record: list[str], width: int) -> bool:
    return width > 1 and sum(bool(cell.strip()) for cell in record) <= 1


def _is_comment(record: list[str]) -> bool:
    return bool(record) and record[0].lstrip().startswith(("#", "//"))


def _judge(records: list[list[str]]) -> tuple[list[str] | None, str, bool]:
    """The names in the first record or None, the reason, and whether more than its form shows it."""
    names, body = [cell.strip() for cell in records[0]], records[1:]
    live = [
        (column, name)
        for column, name in enumerate(names)
        if name or any(len(row) > column and row[column].strip() for row in body)
    ]
    filled = [name for _, name in live if name]
    usual = sum(name.lower() in _KNOWN for name in filled)
    if body and live and live[-1][0] >= max(map(len, body)):
        return None, "no header: the first record has more cells than any other", False
    if len({name.lower() for name in filled} & _KNOWN) >= 2 and 2 * usual >= len(filled):
        return names, "header: the first record holds usual column names", True
    if _counts_columns(names, body):
        return names, "header: the first record counts the columns", True
    against = _no_names(filled, len(live))
    if against is None and 2 * usual >= len(filled):
        return names, "header: the first record holds usual column names", True
    again = _again(live, records[0], body)
    evidence = _evidence_below(names, body) if against in (None, _LONG) and again is None else None
    if evidence:
        return names, f"header: {evidence}", True
    if against:
        return None, f"no header: the first record {against}", False
    if again:
        return None, f"no header: {again!r} of the first record occurs again as a value", False
    if len(set(filled)) < len(filled):
        return None, "no header: the first record has repeated cells", False
    if all(len(name.split()) <= 3 for name in filled):
        why = "header: the first record holds short, distinct names (overrule with ?header=no)"
        return names, why, False
    return None, "no header: the first record reads like the others (overrule with ?header=yes)", False


def _counts_columns(names: list[str], body: list[list[str]]) -> bool:
    """Whether the first record is 0, 1, 2, … above texts, as pandas names columns without names."""
    numbers = [str(number) for number in range(len(names))]
    counted = names == numbers or (names[0] == "" and names[1:] == numbers[:-1])
    texts = sum(bool(row and not _NUMBER.fullmatch(row[-1])) for row in body)
    return counted and len(names) > 1 and 2 * texts > len(body)


def _no_names(filled: list[str], cells: int) -> str | None:
    """Why these cells of a record cannot be column names, or None."""
    if len(filled) < max(1, cells - 1):
        return "has empty cells"
    if any(_NUMBER.fullmatch(name) for name in filled):
        return "holds numbers or dates"
    if any(len(name) > 80 or len(name.split()) > 8 for name in filled):
        return _LONG
    return None


def _again(live: list[tuple[int, str]], first: list[str], body: list[list[str]]) -> str | None:
    """A cell of the first record that is a value of its column; the whole record may come again."""
    for column, name in live:
        equal = (row for row in body if len(row) > column and row[column].strip() == name)
        if name and not all(_is_like(row, first) for row in equal):
            return name
    return None


def _is_like(record: list[str], first: list[str]) -> bool:
    """Whether a record has most cells of the first one, which comes again with some of them left empty."""
    return 2 * sum(cell == other for cell, other in zip(record, first, strict=False)) > len(first)


def _evidence_below(names: list[str], body: list[list[str]]) -> str | None:
    """What the records below say for a header: a column of numbers, or of a choice without its cell."""
    for column, name in enumerate(names):
        cells = Counter(row[column].strip() for row in body if len(row) > column and row[column].strip())
        numbers = sum(count for cell, count in cells.items() if _NUMBER.fullmatch(cell))
        if cells.total() >= 2 and numbers > 0.9 * cells.total():
            return "the first record holds words above columns of numbers or dates"
        few = len(cells) <= _FEW * cells.total() and min(cells.values(), default=0) > 1
        if name and cells.total() >= _LEAST_BODY and few and name not in cells:
            return "below the first record, a column holds few values, and its cell is none of them"
    return None


def unique_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Names without white space around them, empty ones numbered, repeated ones counted; with notes."""
    result: list[str] = []
    notes: list[str] = []
    taken: set[str] = set()
    if any(name != name.strip() for name in names):
        notes.append("white space around column names was removed (values keep theirs)")
    for number, name in enumerate(names, start=1):
        clean = name.strip() or f"column_{number}"
        unique, repeat = clean, 1
        while unique in taken:
            repeat += 1
            unique = f"{clean}_{repeat}"
        if unique != name.strip():
            notes.append(f"column {number} is called {unique!r} (its header is empty or repeated)")
        taken.add(unique)
        result.append(unique)
    return result, notes
