"""Which encoding a text file is in: its byte-order mark, UTF-8, or a statistical guess; always said."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from narrowcast.connectors.code_pages import code_page, east_asian
from narrowcast.connectors.source import MAX_LINE_BYTES, SourceFile, data_error, line_blocks

_MARKS = [  # UTF-32 before UTF-16: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_BAD_BYTES = re.compile("[\udc80-\udcff]+")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_UTF8 = ("utf-8", "utf-8-sig")
# Of what is not ASCII, at most so much is valid UTF-8 by chance: in texts of one byte a letter, of two bytes.
_BY_CHANCE_ONE = 0.2
_BY_CHANCE_TWO = 0.8
_SEVERAL_BYTES = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
# What the guess may choose from; a free choice names exotic code pages for a handful of accents.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r",
    *_SEVERAL_BYTES,
]  # fmt: skip


@dataclass(slots=True)
class BadLine:
    """A line that could not be decoded: why, and what can be shown of it."""

    text: str
    error: str


@dataclass(slots=True)
class TextEncoding:
    """An encoding with what the user should know about how it was found."""

    name: str
    notes: list[str] = field(default_factory=list)
    carriage_returns: bool = False
    """Lines end with a bare carriage return (old Macintosh files)."""
    replace: bool = False
    """Undecodable bytes become U+FFFD, as the locator says; else they cost their row."""

    @property
    def errors(self) -> str:
        """How a document is decoded: bytes that are not UTF-8 stay recognisable, so that they cost a row."""
        if self.replace:
            return "replace"
        return "surrogateescape" if self.name in _UTF8 else "strict"

    def lines(self, file: BinaryIO) -> Iterator[str | BadLine]:
        """An open file line by line, without line ends; the rest continues behind a line that is bad.

        The lines of an encoding other than utf-8 close the file at their end.
        """
        if self.name in _UTF8 and not self.carriage_returns:
            return chain.from_iterable(_utf8_lines(file, self.replace))
        newline = "\r" if self.carriage_returns else "\n"
        text = io.TextIOWrapper(file, encoding=self.name, errors="replace", newline=newline)
        return _decoded_lines(text, newline, None if self.replace else self.name)


def find_encoding(source: SourceFile, head: bytes) -> TextEncoding:
    """Decide on the encoding from the start of the file and the locator's `encoding` option.

    Raises:
        DataError: for an encoding that cannot be detected, or an option that names none.
    """
    name = source.options.get("encoding")
    if name:
        try:
            encoding = TextEncoding(codecs.lookup(name).name, ["encoding as the locator says"])
        except LookupError as error:
            raise data_error(
                f"there is no encoding called {name!r}",
                str(source.path),
                "use a name such as utf-8, latin-1, cp1252 or utf-16",
                reason_code="dataset_request_invalid",
            ) from error
    else:
        encoding = _find(source, head)
    errors = source.options.get("errors", "reject")
    if errors not in ("reject", "replace"):
        raise data_error(
            f"errors={errors!r} is not replace or reject",
            source.locator,
            "write ?errors=replace",
            reason_code="dataset_request_invalid",
        )
    if errors == "replace":
        encoding.replace = True
        encoding.notes.append("bytes that cannot be decoded become U+FFFD, as the locator says")
    encoding.carriage_returns = _only_carriage_returns(head, encoding.name)
    if encoding.carriage_returns:
        encoding.notes.append("lines end with a bare carriage return")
    return encoding


def _find(source: SourceFile, head: bytes) -> TextEncoding:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return TextEncoding(name, [f"{name}, by its byte-order mark"])
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 2 > 0.4 * len(head) and min(even, odd) < 0.05 * len(head):
        name = "utf-16-le" if odd > even else "utf-16-be"
        return TextEncoding(name, [f"{name}, guessed from its zero bytes"])
    good, bad = _count_utf8(head)
    if not bad:
        return TextEncoding("utf-8")
    if good > _BY_CHANCE_TWO * (good + bad) or (not good and _is_damage(head)):
        return TextEncoding(
            "utf-8",
            [
                f"bytes in {bad} place{'s' * (bad > 1)} of the first {len(head):,} are not valid utf-8 and "
                "cost the rows they are in (?errors=replace keeps those); if the file is in another "
                "encoding, add ?encoding=NAME to the locator"
            ],
        )
    page = code_page(head)
    if page is not None:
        name, language = page
        return TextEncoding(
            name, [f"not utf-8; {name} makes words of it ({language}?); overrule with ?encoding=NAME"]
        )
    guess = _guess(source, head)
    if good >= 3 and good > _BY_CHANCE_ONE * (good + bad) and guess.name not in _SEVERAL_BYTES:
        raise data_error(
            f"two encodings seem to be mixed: {good} characters are utf-8, bytes in {bad} places are not",
            str(source.path),
            f"say which is meant: ?encoding=utf-8 rejects the other rows, ?encoding={guess.name} reads all",
            reason_code="dataset_encoding_unknown",
        )
    return guess


def _is_damage(head: bytes) -> bool:
    """Whether so few lines of an ASCII text have other bytes that these are no letters of its language."""
    whole = _whole_lines(head)
    bad = sum(not line.isascii() for line in whole)
    return bad <= 0.01 * len(whole) and whole[0].isascii()


def _count_utf8(head: bytes) -> tuple[int, int]:
    """Characters of several bytes that are valid UTF-8, and places where bytes are not."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)
    bad = _BAD_BYTES.findall(text)
    return len(_NOT_ASCII.findall(text)) - sum(map(len, bad)), len(bad)


def _guess(source: SourceFile, head: bytes) -> TextEncoding:
    name = east_asian(head)
    if name is not None:
        return TextEncoding(name, [f"not utf-8; {name} makes words of it; overrule with ?encoding=NAME"])
    from charset_normalizer import from_bytes

    matches = from_bytes(head[: 1 << 18], cp_isolation=_CANDIDATES, threshold=0.35)
    best = matches.best()
    if best is None:
        raise data_error(
            "the encoding cannot be detected: it is not utf-8, and no other encoding fits",
            str(source.path),
            "name it, for example ?encoding=latin-1 after the path, or convert the file to utf-8",
            reason_code="dataset_encoding_unknown",
        )
    return TextEncoding(
        best.encoding,
        [f"not utf-8; {best.encoding} was guessed from the bytes (overrule with ?encoding=NAME)"],
    )


def _whole_lines(head: bytes) -> list[bytes]:
    """Lines of a sample; one cut by the sample's end is left out, unless it is the only one."""
    split = head.split(b"\n")
    return split[:-1] if len(split) > 1 else split


def _only_carriage_returns(head: bytes, encoding: str) -> bool:
    if encoding.startswith(("utf-16", "utf-32")):
        text = head.decode(encoding, "ignore")
        return "\r" in text and "\n" not in text
    return b"\r" in head and b"\n" not in head


def _utf8_lines(file: BinaryIO, replace: bool) -> Iterator[Iterable[str | BadLine]]:
    """The lines of a file, some of them at a time."""
    first = True
    for block in line_blocks(file):
        body = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        text = _utf8(body) if len(body) < MAX_LINE_BYTES else None
        if text is not None:
            yield text.removesuffix("\n").split("\n")
        else:
            yield _singly(body, file.tell() - len(body), replace)


def _utf8(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _singly(block: bytes, place: int, replace: bool) -> Iterator[str | BadLine]:
    """The lines of a block of which some are bad; it begins at `place` in the file."""
    for line in io.BytesIO(block):
        body = line.removesuffix(b"\n")
        try:
            if len(line) >= MAX_LINE_BYTES:
                yield BadLine(line[:4_000].decode("utf-8", "replace"), _too_long())
            else:
                yield body.decode("utf-8", "replace" if replace else "strict")
        except UnicodeDecodeError as error:
            problem = invalid_byte(body[error.start], place + error.start)
            yield BadLine(body.decode("utf-8", "backslashreplace"), problem)
        place += len(line)


def invalid_byte(byte: int, place: int) -> str:
    """Says which byte is not UTF-8, and where in the file."""
    return f"invalid utf-8: byte 0x{byte:02x} at position {place:,} of the file"


def _decoded_lines(text: io.TextIOWrapper, newline: str, encoding: str | None) -> Iterator[str | BadLine]:
    """Lines of a decoded file; replaced bytes are errors where `encoding` names what they should be in."""
    with text:
        while line := text.readline(MAX_LINE_BYTES):
            body = line.removesuffix(newline)
            if len(line) >= MAX_LINE_BYTES:
                yield BadLine(body[:4_000], _too_long())
                while len(line) >= MAX_LINE_BYTES and not line.endswith(newline):
                    line = text.readline(MAX_LINE_BYTES)
            elif encoding is not None and "\ufffd" in body:
                yield BadLine(body, f"not valid {encoding}")
            else:
                yield body


def _too_long() -> str:
    return f"the line is longer than {MAX_LINE_BYTES >> 20} MiB"
