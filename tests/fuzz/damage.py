"""Ways in which bytes, texts, JSON values and archives go wrong. Every choice is drawn from the seed."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

ODD_TEXTS = [
    "", " ", "\t", "\n", "\r", "\r\n", "\0", '"', '""', "'", "\\", "\\\"", ",", ";", "|", "\ufeff",
        "\u200b", "\u00a0",
    "\u2028", "\x85", "\x1b[31m", "\x0c", "é", "e\u0301", "\U0001f600", "ǆ", "ﬁ", "İ", "ß", "中文。", "مرحبا",
    "नमस्ते",
    "NaN", "null", "None", "true", "-0", "1e999", "=1+1", "@SUM(A1)", "<script>alert(1)</script>",
    "[bold]x[/nope]",
    "{{ 7*7 }}", "%s%n", "${HOME}", "$(id)", "../../etc/passwd", "__label__", "<|im_end|>", "# title",
    "sep=;",
    "text", "label", "messages", "-DOCSTART-", "a" * 5000, "x," * 3000, '"' * 999, "[" * 3000, "\ud800",
    "\udcff",
]  # fmt: skip
ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "shift_jis",
    "gb18030", "koi8-r", "utf-7"]  # fmt: skip
ODD_NUMBERS = [0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.1, -0.0, 1e308, float("nan"), float("inf")]

Draw = random.Random
_DEEPEST = 40  # levels of a value that are damaged


def odd_text(draw: Draw) -> str:
    """One that is rare in real data."""
    return draw.choice(ODD_TEXTS)


def damaged(draw: Draw, content: bytes, other: bytes = b"") -> bytes:
    """The content after one to four steps; none in one case of ten."""
    steps = 0 if draw.random() < 0.1 else draw.choice([1, 1, 1, 2, 2, 3, 4])
    for _ in range(steps):
        content = draw.choice(_STEPS)(draw, content, other)
    return content[: 4 << 20]


def _slice(draw: Draw, content: bytes) -> tuple[int, int]:
    start = draw.randrange(len(content) + 1)
    return start, min(len(content), start + draw.choice([1, 2, 8, 40, 300]))


def _flip(draw: Draw, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20]) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _cut(draw: Draw, content: bytes, _: bytes) -> bytes:
    start, end = _slice(draw, content)
    return content[:start] + content[end:]


def _end(draw: Draw, content: bytes, _: bytes) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _again(draw: Draw, content: bytes, _: bytes) -> bytes:
    start, end = _slice(draw, content)
    return content[:end] + content[start:end] * draw.choice([1, 2, 50]) + content[end:]


def _insert(draw: Draw, content: bytes, _: bytes) -> bytes:
    place = draw.randrange(len(content) + 1)
    added = draw.choice(
        [odd_text(draw).encode("utf-8", "surrogatepass"), draw.randbytes(draw.choice([1, 4, 64]))]
    )
    return content[:place] + added + content[place:]


def _splice(draw: Draw, content: bytes, other: bytes) -> bytes:
    return content[: draw.randrange(len(content) + 1)] + other[draw.randrange(len(other) + 1) :]


def _lines(draw: Draw, content: bytes, _: bytes) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    place = draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        lines.insert(place, draw.choice(lines))
    elif kind == 1:
        del lines[place]
    elif kind == 2:
        lines[place] = odd_text(draw).encode("utf-8", "surrogatepass") + b"\n"
    else:
        draw.shuffle(lines)
    return b"".join(lines)


def _newlines(draw: Draw, content: bytes, _: bytes) -> bytes:
    return content.replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b"\n\r", b"\xe2\x80\xa8", b""]))


def _encode(draw: Draw, content: bytes, _: bytes) -> bytes:
    return content.decode("utf-8", "replace").encode(draw.choice(ENCODINGS), "replace")


def _zip(draw: Draw, content: bytes, _: bytes) -> bytes:
    packed = gzip.compress(content, mtime=0)
    return packed if draw.random() < 0.5 else _flip(draw, packed, b"")


def _quote(draw: Draw, content: bytes, _: bytes) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice([b'"', b"'", b'""', b'\\"', b"`", b"\\"]) + content[place:]


def _delimit(draw: Draw, content: bytes, _: bytes) -> bytes:
    return content.replace(b",", draw.choice([b";", b"\t", b"|", b",,", b":", b"\x1f"]))


def _mark(draw: Draw, content: bytes, _: bytes) -> bytes:
    return (
        draw.choice([codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"PK\x03\x04", b"%PDF-"])
        + content
    )


def _many(draw: Draw, content: bytes, _: bytes) -> bytes:
    return (content * draw.choice([2, 10, 200]))[: 1 << 20]


_STEPS: list[Callable[[Draw, bytes, bytes], bytes]] = [
    _flip, _cut, _end, _again, _insert, _insert, _splice, _lines, _lines, _newlines, _encode, _zip, _quote,
        _quote,
    _delimit, _mark, _many,
]  # fmt: skip


def odd_value(draw: Draw, depth: int = 0) -> Any:
    """A JSON value of any kind."""
    kind = draw.randrange(9)
    if kind < 3:
        return odd_text(draw)
    if kind == 3:
        return draw.choice(ODD_NUMBERS)
    if kind == 4:
        return draw.choice([None, True, False, [], {}, [[]], [None], {"": None}])
    if kind == 5 and depth < 3:
        return [odd_value(draw, depth + 1) for _ in range(draw.choice([1, 2, 5]))]
    if kind == 6 and depth < 3:
        return {odd_text(draw): odd_value(draw, depth + 1) for _ in range(draw.choice([1, 3]))}
    if kind == 7:
        return nested(draw.choice([5, 60, 600]), draw.choice(["list", "object"]))
    return "plain words as in any row"


def nested(depth: int, kind: str = "list") -> Any:
    """Lists or objects in each other."""
    value: Any = "deep"
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def damaged_value(draw: Draw, value: Any, share: float = 0.08, depth: int = 0) -> Any:
    """The value with some of its parts replaced, dropped, renamed, repeated or wrapped."""
    if depth > _DEEPEST:
        return value
    if draw.random() < share:
        return draw.choice([odd_value(draw), [value], {"value": value}, str(value), [value, value]])
    if isinstance(value, dict):
        members = [(key, damaged_value(draw, each, share, depth + 1)) for key, each in value.items()]
        if members and draw.random() < share:
            members.pop(draw.randrange(len(members)))
        if draw.random() < share:
            members.append((odd_text(draw), odd_value(draw)))
        if draw.random() < share:
            draw.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        parts = [damaged_value(draw, each, share, depth + 1) for each in value]
        if parts and draw.random() < share:
            parts = parts[: draw.randrange(len(parts) + 1)] + [draw.choice(parts)] * draw.choice([0, 1, 3])
        return parts
    return value


def json_text(draw: Draw, value: Any) -> str:
    """JSON in one of its spellings; surrogates stay escaped."""
    ascii_only = draw.random() < 0.5
    text = json.dumps(value, ensure_ascii=ascii_only, indent=draw.choice([None, None, 2]))
    return text if draw.random() > 0.05 else text.replace('":', '": 1, "text":', 1)  # a key that occurs twice


def text_bytes(text: str) -> bytes:
    """UTF-8, with half of a surrogate pair as it would be written by careless programs."""
    return text.encode("utf-8", "surrogatepass")


XML_EDITS = [
    (b'w:val="1"', b'w:val="200000000"'), (b"<w:tc>", b"<w:tc>" * 40), (b' r="A2"', b' r="XFD1048576"'),
    (b' r="B1"', b' r="B-1"'), (b' t="s"', b' t="e"'), (b"<v>0</v>", b"<v>99999999</v>"), (b"<v>",
    b"<v>1e999"),
    (b"</row>", b""), (b"<sheetData>", b"<sheetData><row r='0'/>"), (b"xmlns", b"xmlnz"), (b"?>",
    b"?><!DOCTYPE a ["
    b"<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"), (b"<w:t>", b"<w:t>&b;"),
    (b"table:name", b"table:number-columns-repeated='99999999' table:name"), (b"utf-8", b"utf-17"),
]  # fmt: skip


def damaged_zip(draw: Draw, content: bytes) -> bytes:
    """An archive with damage inside or outside of its members."""
    if draw.random() < 0.3:
        return damaged(draw, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(draw.choice([1, 1, 2, 4])):
        place = draw.randrange(len(members))
        members[place : place + 1] = _member(draw, *members[place])
        if not members:
            break
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", draw.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def _member(draw: Draw, name: str, data: bytes) -> list[tuple[str, bytes]]:
    kind = draw.randrange(8)
    if kind == 0:
        return []
    if kind == 1:
        return [(name + draw.choice(["2", "/", ".bak"]), data)]
    if kind == 2:
        return [(name, data), ("../../out", data)]
    if kind == 3:
        return [(name, data + b"\0" * (8 << 20))]
    if kind <= 5:
        edits = [edit for edit in XML_EDITS if edit[0] in data]
        if edits:
            before, after = draw.choice(edits)
            return [(name, data.replace(before, after, draw.choice([1, 99])))]
    return [(name, damaged(draw, data))]
