"""How a delimited file is written: delimiter and quoting. Found in a sample, and said."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from narrowcast.connectors.quotes import LineReading, doubled, padded

_DELIMITERS = ("\t", ",", ";", "|")  # the first of two that fit equally well: no text holds tabs
NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar", "": "none (one column)"}
_MOST_FAILURES = 200  # unreadable records of a sample after which it is judged by what was read so far
_LEARNED_FROM = 1_000  # records of one line
_ALONE = 0.8
_MANY_STRAYS = 3  # quotes that quote nothing where none quotes anything: they are ordinary characters
_SEPARATOR_LINE = re.compile(r'"?sep=(.)\1*"?', re.IGNORECASE)


@dataclass(slots=True)
class Dialect:
    r"""What `csv.reader` needs, and what the user sees of it.

    Attributes:
        delimiter: one character; empty for a file of one column.
        quoting: whether a double quote opens a field that may hold delimiters and newlines.
        spaced: whether fields, quotes included, stand behind a space that is none of theirs.
        escaped: whether a quote inside such a field is written `\"`; lines go through `doubled` then.
        padding: white space behind such fields, which is none of theirs; None where there is none.
        skipped: lines at the start that belong to the form, as `sep=;` of a spreadsheet.
    """

    delimiter: str
    quoting: bool
    escaped: bool = False
    spaced: bool = False
    skipped: int = 0
    padding: re.Pattern[str] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def split_at(self) -> str:
        """What stands between two fields; for a file of one column, a character that no text holds."""
        return self.delimiter or "\x1f"

    def as_read(self, line: str) -> str:
        """A line as `csv.reader` has to see it."""
        if self.padding is not None:
            line = self.padding.sub("", line)
        return doubled(line) if self.escaped else line

    def reader(self, lines: Iterable[str]) -> Any:
        """A `csv.reader`; strict, so that bad quoting is an error, not a guess."""
        return csv.reader(
            lines,
            delimiter=self.split_at,
            quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE,
            skipinitialspace=self.spaced,
            strict=True,
        )


@dataclass(slots=True)
class _Reading:
    """A sample as one dialect reads it."""

    agreement: float = 0.0
    """Share of records with the commonest number of fields; 0 where that is not above one."""
    strays: int = 0
    """Quotes that opened a field and did not close it."""
    quoted: int = 0
    """Records with quotes that do what quotes are for."""
    single: bool = False
    """Every record has one field."""
    alone: bool = False
    """The first record has one field, where most have several: the delimiter may only be in their texts."""
    longest: int = 1
    """Lines of the longest record,"""
    longest_at: int = 0
    """and the line it begins in."""


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
    separator = _SEPARATOR_LINE.fullmatch(lines[0].strip("\r\n")) if lines else None
    if separator is not None:
        del lines[0]
        delimiter = separator[1] if delimiter is None else delimiter
    best, best_score, best_reading = Dialect(delimiter or "", '"' in sample), 0.0, _Reading()
    for candidate in [delimiter] if delimiter is not None else _DELIMITERS:
        dialect, reading = _quoting(lines, sample, candidate)
        score = reading.agreement * (1.1 if candidate == prefer else 1.0) * (_ALONE if reading.alone else 1.0)
        if score > best_score + 1e-9:
            best, best_score, best_reading = dialect, score, reading
    if separator is not None:
        best.skipped = 1
        best.notes.append(f"the first line, {separator[0]!r}, names the delimiter and is not a record")
    if not best.quoting and '"' in sample:
        best.notes.append("double quotes are ordinary characters here (read as quoting, records break)")
    best.notes += _form_notes(best)
    if best.quoting and best_reading.strays:
        best.notes.append(
            f"{best_reading.strays} quote{'s' * (best_reading.strays > 1)} of the sample open a field and do "
            "not close it; each costs its line"
        )
    if best.quoting and best_reading.longest > 1:
        line = best_reading.longest_at + 1 + best.skipped
        best.notes.append(
            f"records may have several lines; the longest, at line {line:,}, has {best_reading.longest}"
        )
    return best


def _form_notes(dialect: Dialect) -> list[str]:
    notes = {
        "white space around quoted fields is not part of them": dialect.padding is not None,
        "a space behind a delimiter is not part of the field": dialect.spaced,
        r"quotes inside quoted fields are written \"": dialect.escaped,
    }
    return [note for note, holds in notes.items() if holds]


def _quoting(lines: list[str], sample: str, delimiter: str) -> tuple[Dialect, _Reading]:
    """The best of the three ways to take quotes."""
    quoted = Dialect(delimiter, True)
    if delimiter not in sample:
        return quoted, _Reading()
    behind_space = len(re.findall(rf'{re.escape(delimiter)} +"', sample))
    quoted.spaced = behind_space > sample.count(f'{delimiter}"')
    reading = _read(lines, quoted)
    if '"' not in sample:
        return quoted, reading
    if '\\"' in sample:
        escaped = Dialect(delimiter, True, escaped=True, spaced=quoted.spaced)
        unescaped = _read([escaped.as_read(line) for line in lines], escaped)
        if unescaped.agreement > reading.agreement + 0.02:
            quoted, reading = escaped, unescaped
    if (padding := padded(delimiter)).search(sample):
        wide = replace(quoted, padding=padding)
        unpadded = _read([wide.as_read(line) for line in lines], wide)
        if unpadded.strays < reading.strays and unpadded.agreement >= reading.agreement:
            quoted, reading = wide, unpadded
    if reading.quoted and not reading.strays and reading.single:
        return quoted, reading  # one column, whose quotes enclose delimiters
    plain = _read(lines, Dialect(delimiter, False))
    # A stray quote or two are damage; only where quoting breaks many records is it not meant as quoting.
    unused = reading.strays >= _MANY_STRAYS and not reading.quoted
    if reading.agreement < plain.agreement - 0.02 or (unused and plain.agreement >= reading.agreement):
        return Dialect(delimiter, False), plain
    return quoted, reading


def _read(lines: list[str], dialect: Dialect) -> _Reading:
    result = _Reading()
    if not dialect.delimiter:
        return result
    records = list(_records(lines, dialect, None))
    if any(taken > 1 for _, _, taken in records):
        width = Counter(len(record) for record, _, _ in records).most_common(1)[0][0]
        single = (record for record, _, taken in records if taken == 1)
        usual = LineReading.of(dialect.delimiter, width, islice(single, _LEARNED_FROM))
        records = list(_records(lines, dialect, usual))
    counts: Counter[int] = Counter()
    opening = f'{dialect.delimiter} "' if dialect.spaced else f'{dialect.delimiter}"'
    for record, start, taken in records:
        counts[len(record)] += 1
        line = lines[start]
        if not record and '"' in line:
            # A quote alone in its field is what no writer that quotes would write.
            result.strays += _MANY_STRAYS if '"' in line.rstrip("\r\n").split(dialect.delimiter) else 1
        elif record and (taken > 1 or line.startswith('"') or opening in line):
            result.quoted += 1
        if taken > result.longest:
            result.longest, result.longest_at = taken, start
    fields, number = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    result.agreement = number / counts.total() if fields > 1 else 0.0
    result.alone = bool(records) and len(records[0][0]) == 1 < fields
    result.single = counts.keys() <= {0, 1} and counts[1] > 1
    return result


def _records(
    lines: list[str], dialect: Dialect, single: LineReading | None
) -> Iterator[tuple[list[str], int, int]]:
    """Each record with its first line and their number; an unreadable one is empty, and one line long."""
    start = failures = 0
    while start < len(lines) and failures < _MOST_FAILURES:
        reader, begun = dialect.reader(islice(lines, start, None)), 0
        with suppress(csv.Error):  # counted below, as a record that is doubted
            for record in reader:
                first, taken = start + begun, reader.line_num - begun
                if single is not None and taken > 1 and single.doubts(lines[first : first + taken]):
                    break
                if record:
                    yield record, first, taken
                begun = reader.line_num
            else:
                return
        failures += 1
        yield [], start + begun, 1
        start += begun + 1
