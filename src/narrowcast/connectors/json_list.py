"""A JSON list read item by item, whatever its length: only the item at hand is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TextIO

from narrowcast.connectors.encoding import invalid_byte
from narrowcast.connectors.json_values import BAD_BYTE, JsonReader, as_record
from narrowcast.connectors.source import MAX_LINE_BYTES, RAW_CHARS
from narrowcast.core.row import SourceRow

_CHUNK = 1 << 16
_SPACE = " \t\r\n"
# An error so close to the end of what was read may only mean that a value is not there as a whole.
_OPEN_END = 16


class BrokenListError(ValueError):
    """The list cannot be read on: what is wrong, at which line and column."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(what)
        self.line = line
        self.column = column


class ListReader:
    """Rows of `[item, item, …]`.

    Args:
        file: text, at the start of the document; newlines untranslated, bytes that are not UTF-8 escaped
            as surrogates.
        begins: where the text begins in the file, in bytes.
    """

    def __init__(self, file: TextIO, begins: int = 0) -> None:
        self._begins = begins
        self._file = file
        self._reader = JsonReader()
        self._text = ""
        self._at = 0
        self._end = False
        self._line = 1
        self._column = 1

    @property
    def constants(self) -> int:
        """How often NaN and infinities were read as null."""
        return self._reader.constants

    def rows(self) -> Iterator[SourceRow]:
        """Every item; one with a bad byte, a repeated key or half a surrogate pair carries an error.

        Raises:
            BrokenListError: if the text is not a JSON list; reading cannot continue after that.
            UnicodeDecodeError: if the bytes are not in the encoding.
        """
        index = 0
        while True:  # lists may stand one behind the other
            self._take("[")
            if self._next() == "]":
                self._at += 1
            else:
                while True:
                    self._next()
                    yield self._row(index)
                    index += 1
                    if self._take(",]") == "]":
                        break
            if self._next() != "[":
                break
        if self._next():
            raise self._broken("something follows the list")

    def _row(self, index: int) -> SourceRow:
        while True:
            try:
                value, end = self._reader.parse(self._text, self._at)
                if self._end or self._is_settled(end):
                    break
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _OPEN_END or error.msg.startswith("Unterminated string")
                if self._end or not cut:
                    self._at = min(error.pos, len(self._text))
                    raise self._broken(f"the document is not JSON: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                raise self._broken(f"the document cannot be read: {error}") from error
            if len(self._text) - self._at > MAX_LINE_BYTES:
                raise self._broken(f"one record is longer than {MAX_LINE_BYTES >> 20} MiB")
            self._read_on()
        raw = self._text[self._at : end]
        problem = self._bad_byte(end) or self._reader.problem(value, raw)
        self._at = end
        if problem:
            return SourceRow(index, error=problem, raw=_shown(raw[:RAW_CHARS]))
        return SourceRow(index, as_record(value))

    def _bad_byte(self, end: int) -> str | None:
        """The first byte of the item at hand that is not UTF-8, and its place in the file."""
        if self._text.isascii():  # known of each text without looking
            return None
        bad = BAD_BYTE.search(self._text, self._at, end)
        if bad is None:
            return None
        place = self._begins + len(_encoded(self._text[: bad.start()]))
        return invalid_byte(ord(bad[0]) - 0xDC00, place)

    def _is_settled(self, end: int) -> bool:
        """Whether a value cannot continue: `1.5` may be the start of `1.5e3`."""
        ahead = self._text[end : end + _OPEN_END]
        return len(ahead) == _OPEN_END or ahead.lstrip(_SPACE)[:1] in (",", "]")

    def _next(self) -> str:
        """The next character other than white space, without consuming it; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if self._end:
                return ""
            self._read_on()

    def _take(self, expected: str) -> str:
        character = self._next()
        if not character or character not in expected:
            raise self._broken(f"the document is not JSON: expecting {' or '.join(map(repr, expected))}")
        self._at += 1
        return character

    def _read_on(self) -> None:
        """Forget what was taken, read as much again as is waiting: a long item costs linear time."""
        self._line, self._column = self._position()
        self._begins += self._at if self._text.isascii() else len(_encoded(self._text[: self._at]))
        self._text = self._text[self._at :]
        self._at = 0
        more = self._file.read(max(_CHUNK, len(self._text)))
        self._end = not more
        self._text += more

    def _position(self) -> tuple[int, int]:
        newlines = self._text.count("\n", 0, self._at)
        if not newlines:
            return self._line, self._column + self._at
        return self._line + newlines, self._at - self._text.rfind("\n", 0, self._at)

    def _broken(self, what: str) -> BrokenListError:
        return BrokenListError(what, *self._position())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _shown(text: str) -> str:
    """A text with its bad bytes written out, as `\\xed`."""
    return _encoded(text).decode("utf-8", "backslashreplace") if BAD_BYTE.search(text) else text
