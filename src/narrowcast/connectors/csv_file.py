"""`csv:PATH`: delimited text of any delimiter and encoding, read lazily.

Quoted fields may hold newlines. A record that cannot be read (ragged, badly quoted, undecodable, with NUL
bytes) is a row with an error. If such a record spans several lines, or each of its lines reads as a record of
its own, only its first line is rejected and reading starts again on the next one, so that one stray quote
does not swallow the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.dialect import NAMES, Dialect, find_dialect
from narrowcast.connectors.encoding import BadLine, find_encoding
from narrowcast.connectors.fill import FillDown
from narrowcast.connectors.header import (
    EXPLAINED,
    Header,
    header_of,
    is_rule,
    rejoined,
    unique_names,
)
from narrowcast.connectors.missing import MISSING, missing_notes, without_missing
from narrowcast.connectors.quotes import LineReading
from narrowcast.connectors.source import (
    MAX_LINE_BYTES,
    RAW_CHARS,
    SAMPLE_BYTES,
    SourceFile,
    data_error,
    settle_path,
)
from narrowcast.core.row import SourceRow

MAX_RECORD_LINES = 10_000
_AGAIN = "the header once more"
_FIELD_LIMIT = 128 << 20
_OPTIONS = frozenset({"encoding", "errors", "delimiter", "header", "short", "fill"})


class CsvConnector:
    """Built from the path after `csv:`, or from a file that `file:` has opened.

    Options are `delimiter`, `header=yes|no|LINE`, `encoding`, `errors=replace`, `short=fill` and
    `fill=COLUMN`.
    """

    settle = staticmethod(settle_path)

    def __init__(self, source: str | SourceFile) -> None:
        self._source = SourceFile.of(source, "csv", _OPTIONS)
        head = self._source.sample()
        self._source.refuse_binary(head)
        self._encoding = find_encoding(self._source, head)
        self._dialect = self._find_dialect(head)
        short = self._source.options.get("short", "reject")
        if short not in ("reject", "fill"):
            raise data_error(
                f"short={short!r} is not fill or reject",
                self._source.locator,
                "write ?short=fill",
                reason_code="dataset_request_invalid",
            )
        self._fill = short == "fill"
        self._columns: list[str] = []
        self._single: LineReading | None = None
        self._header = Header(None, 0, "")
        self._ruled = self._explained = False
        first = [(record, lines) for record, problem, lines in islice(self._records(), 200) if not problem]
        self._find_columns(first)
        self._down = FillDown(self._source.options.get("fill"), self._columns, self._source.locator)
        self._dialect.notes.extend(self._down.notes)

    def _find_dialect(self, head: bytes) -> Dialect:
        text = head.decode(self._encoding.name, "replace").removeprefix("\ufeff")
        if self._encoding.carriage_returns:
            text = text.replace("\r", "\n")
        delimiter = self._source.options.get("delimiter")
        if delimiter is not None:
            delimiter = {"tab": "\t", "\\t": "\t", "none": ""}.get(delimiter, delimiter)
            if len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
                raise data_error(
                    f"{delimiter!r} cannot be a delimiter",
                    self._source.locator,
                    "name one character, or tab",
                    reason_code="dataset_request_invalid",
                )
        prefer = {".tsv": "\t", ".tab": "\t", ".csv": ","}.get(self._source.suffix, "")
        dialect = find_dialect(text, len(head) < SAMPLE_BYTES, prefer, delimiter)
        dialect.notes += missing_notes(text, dialect.delimiter)
        return dialect

    def _find_columns(self, read: list[tuple[list[str], str]]) -> None:
        head = [record for record, _ in read]
        if not head:
            raise data_error(
                "no record of the file can be read",
                str(self._source.path),
                "name its format, for example ?delimiter=; or ?encoding=latin-1 after the path",
                reason_code="dataset_format_unknown",
            )
        head = self._find_header(head)
        header = self._header.names
        read, head = read[self._header.above :], head[self._header.above :]
        widths = [len(record) for record in head]
        header = _without_margin(header, widths) if header else None
        self._explained = self._header.is_explained_by(head[1:])
        self._ruled = header is not None and len(head) > 1 and is_rule(head[1])
        names = header or [f"column_{n}" for n in range(1, max(set(widths), key=widths.count) + 1)]
        self._columns, notes = unique_names(names)
        single = (record for record, lines in read if not lines)
        self._single = LineReading.of(self._dialect.delimiter, len(self._columns), single)
        self._dialect.notes.extend(notes)
        lacking = sum(width < len(self._columns) for width in widths)
        if self._fill:
            self._dialect.notes.append(
                "records with too few fields are filled up with empty cells, as the locator says"
            )
        elif lacking:
            self._dialect.notes.append(
                f"{lacking} of the first {len(head)} records have too few fields and are rejected; "
                "?short=fill fills them up with empty cells"
            )

    def _find_header(self, records: list[list[str]]) -> list[list[str]]:
        """Look for the header; the records with names in place of its cells, where they hold delimiters."""
        option = self._source.options.get("header")
        head = records if option == "no" else rejoined(records, self._dialect.delimiter)
        self._header = header_of(option, head, partial(self._record_of, records), self._source.locator)
        self._dialect.notes.extend(self._header.notes)
        if self._header.names is None:
            return records
        if head[self._header.above] != records[self._header.above]:
            self._dialect.notes.append("delimiters between brackets belong to the names in the header")
        return head

    def _record_of(self, records: list[list[str]], line: int) -> int | None:
        """Which of the records is in a line of the file."""
        with self._source.open() as file:
            text = next(islice(self._encoding.lines(file), line - 1, line), None)
        if not isinstance(text, str) or not text.strip():
            return None
        try:
            record = next(self._dialect.reader([self._dialect.as_read(text.removesuffix("\r"))]))
        except csv.Error:
            return None
        return records.index(record) if record in records else None

    def describe(self) -> SourceDescription:
        """Everything was found when the connector was built."""
        notes = [*self._encoding.notes, *self._dialect.notes]
        description = self._source.description("csv", self._encoding.name, notes)
        description.delimiter = NAMES.get(self._dialect.delimiter, self._dialect.delimiter)
        description.header = self._header.names is not None
        description.columns = list(self._columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Records below the header; values keep their white space."""
        return self._down.rows(self._rows())

    def _rows(self) -> Iterator[SourceRow]:
        columns, width = self._columns, len(self._columns)
        header_ahead, is_header = self._header.names is not None, self._header.is_repeated_by
        longest = len(self._header.names[0]) + 10 if self._header.names else -1
        index = 0
        for record, problem, raw in self._records():
            if self._ruled:
                record = [cell.strip() for cell in record]
            if problem:
                yield SourceRow(index, error=problem, raw=raw)
            elif header_ahead:
                header_ahead = not is_header(rejoined([record], self._dialect.delimiter, width)[0])
                continue
            elif self._explained and not index:
                raw = self._dialect.delimiter.join(record)[:RAW_CHARS]
                yield SourceRow(index, error=EXPLAINED, raw=raw)
            elif self._fill and len(record) < width:
                record.extend([""] * (width - len(record)))
                yield SourceRow(index, dict(zip(columns, record, strict=True)))
            elif len(record) > width and not any(record[width:]):
                yield SourceRow(index, dict(zip(columns, record[:width], strict=True)))
            elif len(record) != width:
                raw = self._dialect.delimiter.join(record)[:RAW_CHARS]
                again = len(record) > width and is_header(
                    rejoined([record], self._dialect.delimiter, width)[0]
                )
                problem = _AGAIN if again else f"{len(record)} fields where {width} are expected"
                yield SourceRow(index, error=problem, raw=raw)
            elif len(record[0]) <= longest and is_header(record):
                raw = self._dialect.delimiter.join(record)[:RAW_CHARS]
                yield SourceRow(index, error=_AGAIN, raw=raw)
            else:
                yield SourceRow(index, dict(zip(columns, record, strict=True)))
            index += 1

    def _records(self) -> Iterator[tuple[list[str], str | None, str]]:
        """Fields, or a problem with the start of the raw text; blank lines are no records.

        With the fields of a record over several lines come its lines.
        """
        csv.field_size_limit(_FIELD_LIMIT)
        with self._source.open() as file:
            lines = islice(self._encoding.lines(file), self._dialect.skipped, None)
            feed = _LineFeed(lines, self._dialect)
            reader = self._dialect.reader(feed)
            while True:
                plain = feed.plain_record()
                if plain is not None:
                    if plain:
                        yield plain, None, ""
                    continue
                record, problem = feed.quoted_record(reader)
                if not feed.taken:
                    return
                several = len(feed.taken) > 1
                if several and (problem or self._is_wrong(record, feed.taken)):
                    raw, problem = feed.taken[0], problem or "a quoted field continues on the following lines"
                    feed.push_back()
                    reader = self._dialect.reader(feed)
                    yield [], problem, raw.rstrip("\r\n")[:RAW_CHARS]
                elif problem:
                    raw = "".join(feed.taken).rstrip("\r\n")[:RAW_CHARS]
                    reader = self._dialect.reader(feed)
                    yield [], problem, raw
                elif record:
                    yield record, None, "".join(feed.taken) if several else ""

    def _is_wrong(self, record: list[str], lines: list[str]) -> bool:
        """Whether a record of several lines is not one: of another width, or its lines are records."""
        if self._single is None:
            return False  # the columns are being found
        width = len(self._columns)
        short = len(record) < width and not self._fill
        return short or len(record) > width or self._single.doubts(lines)


def _without_margin(names: list[str], widths: list[int]) -> list[str]:
    """Column names without empty ones at their end that most records have no cells for."""
    usual = max(set(widths), key=widths.count)
    return names[:usual] if 0 < usual < len(names) and not any(names[usual:]) else names


class _LineFeed:
    """Lines for `csv.reader`, remembering those of the current record so that it can be taken back."""

    def __init__(self, source: Iterator[str | BadLine], dialect: Dialect) -> None:
        self._source = source
        self._dialect = dialect
        self._waiting: deque[str | BadLine] = deque()
        self._current: list[str | BadLine] = []
        self.taken: list[str] = []
        self.problem: str | None = None
        self._size = 0

    def plain_record(self) -> list[str] | None:
        """The fields of the next line, where `csv.reader` would do nothing but split it; None where it may.

        The line is not taken then.
        """
        line = self._waiting.popleft() if self._waiting else next(self._source, None)
        if isinstance(line, str):
            text = line.removesuffix("\r")
            quoted = self._dialect.quoting and '"' in text
            if not quoted and "\r" not in text and "\x00" not in text:
                fields = text.split(self._dialect.split_at) if text else []
                if self._dialect.spaced:
                    fields = [each.lstrip(" ") for each in fields]
                return fields if MISSING.isdisjoint(fields) else without_missing(fields)
        if line is not None:
            self._waiting.appendleft(line)
        return None

    def _begin_record(self) -> None:
        """Forget the lines of the record before."""
        self.taken.clear()
        self._current.clear()
        self.problem = None
        self._size = 0

    def quoted_record(self, reader: Any) -> tuple[list[str], str | None]:
        """The fields of the next record, and what is wrong with it; nothing is `taken` at the end."""
        self._begin_record()
        problem: str | None = None
        record: list[str] = []
        try:
            record = next(reader)
        except StopIteration:
            problem = "a quoted field is not closed"
        except csv.Error as error:
            problem = _say(str(error))
        if not MISSING.isdisjoint(record):
            record = without_missing(record, "".join(self.taken))
        return record, self.problem or problem or _nul(record)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES or self._size > MAX_LINE_BYTES:
            raise csv.Error(f"a quoted field is not closed within {len(self.taken):,} lines")
        line = self._waiting.popleft() if self._waiting else next(self._source)
        text = (line if isinstance(line, str) else line.text) + "\n"
        self._current.append(line)
        self._size += len(text)
        self.taken.append(text)
        if isinstance(line, BadLine) and self.problem is None:
            self.problem = line.error
        return self._dialect.as_read(text)

    def push_back(self) -> None:
        """Give every line of the current record but its first to the next reader."""
        self._waiting.extendleft(reversed(self._current[1:]))


def _say(error: str) -> str:
    if "expected after" in error:
        return "text follows a closing quote"
    if "unexpected end of data" in error:
        return "a quoted field is not closed"
    if "new-line character" in error:
        return "a bare carriage return is in an unquoted field"
    return error


def _nul(record: list[str]) -> str | None:
    return "the record contains NUL bytes" if "\x00" in "".join(record) else None
