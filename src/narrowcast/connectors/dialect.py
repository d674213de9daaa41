"""How a delimited file is written: delimiter, quoting, header. Found in a sample, and said."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

_DELIMITERS = (",", "\t", ";", "|")
NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar", "": "none (one column)"}
_MOST_FAILURES = 200  # unreadable records of a sample after which it is judged by what was read so far
_NUMBER = re.compile(r"[-+]?[\d.,:/\s%$€£-]*\d[\d.,:/\s%TZ-]*")
_KNOWN = frozenset([
    "text", "sentence", "utterance", "message", "query", "content", "body", "comment", "title", "document",
    "input", "question", "context", "answer", "label", "labels", "category", "class", "intent", "target",
    "sentiment", "topic", "tag", "output", "response", "instruction", "prompt", "completion", "id", "name",
    "date", "type", "split", "source",
])  # fmt: skip


@dataclass(slots=True)
class Dialect:
    """What `csv.reader` needs, and what the user sees of it.

    Attributes:
        delimiter: one character; empty for a file of one column.
        quoting: whether a double quote opens a field that may hold delimiters and newlines.
        header: the column names, or None where the first record is data.
    """

    delimiter: str
    quoting: bool
    header: list[str] | None = None
    notes: list[str] = field(default_factory=list)

    def reader(self, lines: Iterable[str]) -> Any:
        """A `csv.reader`; strict, so that bad quoting is an error, not a guess."""
        return csv.reader(
            lines,
            # A character that no text holds stands for "one column".
            delimiter=self.delimiter or "\x1f",
            quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE,
            strict=True,
        )


def find_dialect(text: str, complete: bool, prefer: str = "", delimiter: str | None = None) -> Dialect:
    """Read a sample with each candidate and keep the one under which records agree best.

    Args:
        text: the start of the file.
        complete: whether that is all of it.
        prefer: the delimiter its file extension stands for.
        delimiter: the one the user named; nothing is guessed then.
    """
    sample = text if complete else text[: text.rfind("\n") + 1] or text
    lines = sample.splitlines(keepends=True)
    candidates = [delimiter] if delimiter is not None else _DELIMITERS
    best, best_score = Dialect(delimiter or "", '"' in sample), 0.0
    for candidate in candidates:
        quoted = _agreement(lines, Dialect(candidate, True))
        plain = _agreement(lines, Dialect(candidate, False)) if '"' in sample else 0.0
        # A stray quote or two are damage; only where quoting breaks many records is it not meant as quoting.
        quoting = quoted >= plain - 0.02
        score = (quoted if quoting else plain) * (1.1 if candidate == prefer else 1.0)
        if score > best_score + 1e-9:
            best, best_score = Dialect(candidate, quoting), score
    if not best.quoting and '"' in sample:
        best.notes.append("double quotes are ordinary characters here (read as quoting, records break)")
    return best


def _agreement(lines: list[str], dialect: Dialect) -> float:
    """Share of records with the commonest number of fields; 0 where that is not above one."""
    if not dialect.delimiter:
        return 0.0
    counts: Counter[int] = Counter(_field_counts(lines, dialect))
    fields, number = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return number / counts.total() if fields > 1 else 0.0


def _field_counts(lines: list[str], dialect: Dialect) -> Iterator[int]:
    """Fields of each record, 0 for one that cannot be read; reading continues one line after it."""
    start = failures = 0
    while start < len(lines) and failures < _MOST_FAILURES:
        reader, begun = dialect.reader(islice(lines, start, None)), 0
        try:
            for record in reader:
                if record:
                    yield len(record)
                begun = reader.line_num
            return
        except csv.Error:
            failures += 1
            start += begun + 1
            yield 0


def find_header(records: list[list[str]]) -> tuple[list[str] | None, str]:
    """Whether the first record names the columns, and the reason in plain words."""
    if not records:
        return None, "no header: there are no records"
    first, body = records[0], records[1:]
    names = [cell.strip() for cell in first]
    filled = [name for name in names if name]
    if len(filled) < max(1, len(names) - 1) or len(set(filled)) < len(filled):
        return None, "no header: the first record has empty or repeated cells"
    if any(_NUMBER.fullmatch(name) for name in filled):
        return None, "no header: the first record holds numbers or dates"
    if any(len(name) > 80 or len(name.split()) > 8 for name in filled):
        return None, "no header: the first record holds long text"
    known = sum(name.lower() in _KNOWN for name in filled)
    if 2 * known >= len(filled):
        return names, "header: the first record holds usual column names"
    for column, name in enumerate(names):
        if name and any(len(row) > column and row[column].strip() == name for row in body):
            return None, f"no header: {name!r} of the first record occurs again as a value"
    if _typed_below(names, body):
        return names, "header: the first record holds words above columns of numbers or dates"
    if all(len(name.split()) <= 3 for name in filled):
        return names, "header: the first record holds short, distinct names (overrule with ?header=no)"
    return None, "no header: the first record reads like the others (overrule with ?header=yes)"


def _typed_below(names: list[str], body: list[list[str]]) -> bool:
    for column in range(len(names)):
        cells = [row[column].strip() for row in body if len(row) > column and row[column].strip()]
        if len(cells) >= 2 and sum(bool(_NUMBER.fullmatch(cell)) for cell in cells) > 0.9 * len(cells):
            return True
    return False


def unique_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Names without white space around them, empty ones numbered, repeated ones counted; with notes."""
    result: list[str] = []
    notes: list[str] = []
    if any(name != name.strip() for name in names):
        notes.append("white space around column names was removed (values keep theirs)")
    for number, name in enumerate(names, start=1):
        clean = name.strip() or f"column_{number}"
        unique, repeat = clean, 1
        while unique in result:
            repeat += 1
            unique = f"{clean}_{repeat}"
        if unique != name.strip():
            notes.append(f"column {number} is called {unique!r} (its header is empty or repeated)")
        result.append(unique)
    return result, notes
