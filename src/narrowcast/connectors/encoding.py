"""Which encoding a text file is in: its byte-order mark, UTF-8, or a statistical guess; always said."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from narrowcast.connectors.source import MAX_LINE_BYTES, SourceFile, data_error, lines

_MARKS = [  # UTF-32 before UTF-16: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
# What the guess may choose from; a free choice names exotic code pages for a handful of accents.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r",
    "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr",
]  # fmt: skip


@dataclass(slots=True)
class TextLine:
    """A physical line without its ending; `error` says why it could not be decoded."""

    text: str
    error: str | None = None


@dataclass(slots=True)
class TextEncoding:
    """An encoding with what the user should know about how it was found."""

    name: str
    notes: list[str] = field(default_factory=list)
    carriage_returns: bool = False
    """Lines end with a bare carriage return (old Macintosh files)."""

    def lines(self, file: BinaryIO) -> Iterator[TextLine]:
        """An open file line by line; an undecodable or over-long line carries an error, the rest continues.

        The lines of an encoding other than utf-8 close the file at their end.
        """
        if self.name in ("utf-8", "utf-8-sig") and not self.carriage_returns:
            return _utf8_lines(lines(file))
        newline = "\r" if self.carriage_returns else "\n"
        text = io.TextIOWrapper(file, encoding=self.name, errors="replace", newline=newline)
        return _decoded_lines(text, newline, self.name)


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
            ) from error
    else:
        encoding = _find(source, head)
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
    good, bad, total, first_bad = _count_utf8(head)
    if not bad:
        return TextEncoding("utf-8")
    rare = bad <= 0.1 * (good + bad) if good else bad <= 0.01 * total
    if rare and not first_bad:
        return TextEncoding(
            "utf-8",
            [
                f"{bad} of the first {total:,} lines are not valid utf-8 and are rejected one by one; "
                "if the file is in another encoding, add ?encoding=NAME to the locator"
            ],
        )
    return _guess(source, head)


def _guess(source: SourceFile, head: bytes) -> TextEncoding:
    from charset_normalizer import from_bytes

    matches = from_bytes(head[: 1 << 18], cp_isolation=_CANDIDATES, threshold=0.35)
    best = matches.best()
    if best is None:
        raise data_error(
            "the encoding cannot be detected: it is not utf-8, and no other encoding fits",
            str(source.path),
            "name it, for example ?encoding=latin-1 after the path, or convert the file to utf-8",
        )
    # A few accents fit many code pages nearly as well; the commonest one is named then.
    western = [match for match in matches if "cp1252" in match.could_be_from_charset]
    name = "cp1252" if western and western[0].chaos <= best.chaos + 0.1 else best.encoding
    return TextEncoding(
        name,
        [f"not utf-8; {name} was guessed from the bytes (overrule with ?encoding=NAME)"],
    )


def _count_utf8(head: bytes) -> tuple[int, int, int, bool]:
    """Lines with valid and with invalid non-ASCII bytes, all lines, and whether the first is invalid."""
    good = bad = total = 0
    first_bad = False
    for number, line in enumerate(_whole_lines(head)):
        total += 1
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad += 1
            first_bad = first_bad or number == 0
    return good, bad, total, first_bad


def _whole_lines(head: bytes) -> list[bytes]:
    """Lines of a sample; one cut by the sample's end is left out, unless it is the only one."""
    lines = head.split(b"\n")
    if len(lines) == 1:
        cut = head
        for _ in range(3):  # a sample may end inside a character
            try:
                cut.decode("utf-8")
                break
            except UnicodeDecodeError as error:
                if error.end < len(cut):
                    break
                cut = cut[: error.start]
        return [cut]
    return lines[:-1] if lines[-1] else lines[:-1] or lines


def _only_carriage_returns(head: bytes, encoding: str) -> bool:
    if encoding.startswith(("utf-16", "utf-32")):
        text = head.decode(encoding, "ignore")
        return "\r" in text and "\n" not in text
    return b"\r" in head and b"\n" not in head


def _utf8_lines(found: Iterator[bytes]) -> Iterator[TextLine]:
    first = True
    for line in found:
        if first and line.startswith(codecs.BOM_UTF8):
            line = line[3:]
        first = False
        if len(line) >= MAX_LINE_BYTES:
            yield TextLine(line[:4_000].decode("utf-8", "replace"), _too_long())
            continue
        body = line[:-1] if line.endswith(b"\n") else line
        try:
            yield TextLine(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            bad = body[error.start]
            yield TextLine(
                body.decode("utf-8", "backslashreplace"),
                f"invalid utf-8: byte 0x{bad:02x} at position {error.start} of the line",
            )


def _decoded_lines(text: io.TextIOWrapper, newline: str, encoding: str) -> Iterator[TextLine]:
    with text:
        while line := text.readline(MAX_LINE_BYTES):
            body = line.removesuffix(newline)
            if len(line) >= MAX_LINE_BYTES:
                yield TextLine(body[:4_000], _too_long())
                while len(line) >= MAX_LINE_BYTES and not line.endswith(newline):
                    line = text.readline(MAX_LINE_BYTES)
            elif "\ufffd" in body:
                yield TextLine(body, f"not valid {encoding}")
            else:
                yield TextLine(body)


def _too_long() -> str:
    return f"the line is longer than {MAX_LINE_BYTES >> 20} MiB"
