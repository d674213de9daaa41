"""`csv:PATH`: delimited text of any delimiter and encoding, read lazily.

Quoted fields may hold newlines. A record that cannot be read (ragged, badly quoted, undecodable, with NUL
bytes) is a row with an error. If such a record spans several lines, only its first line is rejected and
reading starts again on the next one, so that one stray quote does not swallow the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.dialect import NAMES, Dialect, find_dialect, find_header, unique_names
from narrowcast.connectors.encoding import TextLine, find_encoding
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
_FIELD_LIMIT = 128 << 20
_OPTIONS = frozenset({"encoding", "delimiter", "header", "short"})


class CsvConnector:
    """Built from the path after `csv:`, or from a file that `file:` has opened.

    Options are `delimiter`, `header=yes|no`, `encoding` and `short=fill`.
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
                f"short={short!r} is not fill or reject", self._source.locator, "write ?short=fill"
            )
        self._fill = short == "fill"
        self._columns: list[str] = []
        first = [record for record, problem, _ in islice(self._records(), 200) if not problem]
        self._find_columns(first)

    def _find_dialect(self, head: bytes) -> Dialect:
        text = head.decode(self._encoding.name, "replace").removeprefix("\ufeff")
        if self._encoding.carriage_returns:
            text = text.replace("\r", "\n")
        delimiter = self._source.options.get("delimiter")
        if delimiter is not None:
            delimiter = {"tab": "\t", "\\t": "\t", "none": ""}.get(delimiter, delimiter)
            if len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
                raise data_error(
                    f"{delimiter!r} cannot be a delimiter", self._source.locator, "name one character, or tab"
                )
        prefer = "\t" if self._source.suffix in (".tsv", ".tab") else ","
        return find_dialect(text, len(head) < SAMPLE_BYTES, prefer, delimiter)

    def _find_columns(self, head: list[list[str]]) -> None:
        if not head:
            raise data_error(
                "no record of the file can be read",
                str(self._source.path),
                "name its format, for example ?delimiter=; or ?encoding=latin-1 after the path",
            )
        option = self._source.options.get("header")
        if option not in (None, "yes", "no"):
            raise data_error(f"header={option!r} is not yes or no", self._source.locator, "write ?header=no")
        if option is None:
            header, why = find_header(head)
        else:
            header, why = (
                (head[0] if option == "yes" else None),
                f"header={option}, as the locator says",
            )
        self._dialect.notes.append(why)
        self._dialect.header = header
        widths = [len(record) for record in head]
        names = header or [f"column_{n}" for n in range(1, max(set(widths), key=widths.count) + 1)]
        self._columns, notes = unique_names(names)
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

    def describe(self) -> SourceDescription:
        """Everything was found when the connector was built."""
        notes = [*self._encoding.notes, *self._dialect.notes]
        description = self._source.description("csv", self._encoding.name, notes)
        description.delimiter = NAMES.get(self._dialect.delimiter, self._dialect.delimiter)
        description.header = self._dialect.header is not None
        description.columns = list(self._columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Records below the header; values keep their white space."""
        columns, width = self._columns, len(self._columns)
        header_ahead = self._dialect.header is not None
        index = 0
        for record, problem, raw in self._records():
            if problem:
                yield SourceRow(index, error=problem, raw=raw)
            elif header_ahead:
                header_ahead = False
                continue
            elif self._fill and len(record) < width:
                record.extend([""] * (width - len(record)))
                yield SourceRow(index, dict(zip(columns, record, strict=True)))
            elif len(record) != width:
                raw = self._dialect.delimiter.join(record)[:RAW_CHARS]
                yield SourceRow(index, error=f"{len(record)} fields where {width} are expected", raw=raw)
            else:
                yield SourceRow(index, dict(zip(columns, record, strict=True)))
            index += 1

    def _records(self) -> Iterator[tuple[list[str], str | None, str]]:
        """Fields, or a problem with the start of the raw text; blank lines are no records."""
        csv.field_size_limit(_FIELD_LIMIT)
        with self._source.open() as file:
            feed = _LineFeed(self._encoding.lines(file))
            reader = self._dialect.reader(feed)
            expected = len(self._columns)  # 0 while the columns are being found
            while True:
                feed.begin_record()
                problem: str | None = None
                record: list[str] = []
                try:
                    record = next(reader)
                except StopIteration:
                    if not feed.taken:
                        return
                    problem = "a quoted field is not closed"
                except csv.Error as error:
                    problem = _say(str(error))
                problem = feed.problem or problem or _nul(record)
                several = len(feed.taken) > 1
                short = len(record) < expected and not self._fill
                ragged = expected > 0 and (short or len(record) > expected)
                if several and (problem or ragged):
                    raw, problem = feed.taken[0], problem or "a quoted field continues on the following lines"
                    feed.push_back()
                    reader = self._dialect.reader(feed)
                    yield [], problem, raw.rstrip("\r\n")[:RAW_CHARS]
                elif problem:
                    raw = "".join(feed.taken).rstrip("\r\n")[:RAW_CHARS]
                    reader = self._dialect.reader(feed)
                    yield [], problem, raw
                elif record:
                    expected = expected or len(record)
                    yield record, None, ""


class _LineFeed:
    """Lines for `csv.reader`, remembering those of the current record so that it can be taken back."""

    def __init__(self, source: Iterator[TextLine]) -> None:
        self._source = source
        self._waiting: deque[TextLine] = deque()
        self._current: list[TextLine] = []
        self.taken: list[str] = []
        self.problem: str | None = None
        self._size = 0

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self.taken.clear()
        self._current.clear()
        self.problem = None
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES or self._size > MAX_LINE_BYTES:
            raise csv.Error(f"a quoted field is not closed within {len(self.taken):,} lines")
        line = self._waiting.popleft() if self._waiting else next(self._source)
        text = line.text + "\n"
        self._current.append(line)
        self._size += len(text)
        self.taken.append(text)
        if line.error and self.problem is None:
            self.problem = line.error
        return text

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
    return "the record contains NUL bytes" if any("\x00" in cell for cell in record) else None
