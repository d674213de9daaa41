"""A workbook in the form of Excel 97, as small as its readers accept."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

_SECTOR = 512
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_BEGIN = struct.pack("<HHHHII", 0x0600, 0, 0x0DBB, 0x07CC, 0, 6)


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """Sheets of rows; cells are texts, numbers or None."""
    return compound({"Workbook": _book(sheets)})


def cell(row: int, column: int, value: str | float) -> bytes:
    """The record of one cell."""
    if isinstance(value, str):
        text = value.encode("utf-16-le")
        return _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text) // 2, 1) + text)
    return _record(0x0203, struct.pack("<HHHd", row, column, 0, value))


def _book(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    bodies = [
        [
            cell(row, column, value)
            for row, cells in enumerate(rows)
            for column, value in enumerate(cells)
            if value is not None
        ]
        for rows in sheets.values()
    ]
    begin, end = _record(0x0809, _BEGIN[:2] + struct.pack("<H", 0x0005) + _BEGIN[4:]), _record(0x000A, b"")
    at = len(begin) + sum(4 + 8 + len(name) for name in sheets) + len(end)
    names, parts = [], []
    for name, body in zip(sheets, bodies, strict=True):
        names.append(_record(0x0085, struct.pack("<IHBB", at, 0, len(name), 0) + name.encode("latin-1")))
        sheet = _record(0x0809, _BEGIN[:2] + struct.pack("<H", 0x0010) + _BEGIN[4:]) + b"".join(body) + end
        parts.append(sheet)
        at += len(sheet)
    return begin + b"".join(names) + end + b"".join(parts)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of streams, each long enough to have sectors of its own."""
    padded = {
        name: body.ljust(-(-max(len(body), 4096) // _SECTOR) * _SECTOR, b"\0")
        for name, body in streams.items()
    }
    table = [_TABLE, _END]
    entries = [_entry("Root Entry", 5, _END, 0, child=1)]
    for number, (name, body) in enumerate(padded.items(), start=1):
        first, count = len(table), len(body) // _SECTOR
        table += [*range(first + 1, first + count), _END]
        entries.append(_entry(name, 2, first, len(body), right=number + 1 if number < len(padded) else _FREE))
    assert len(table) <= _SECTOR // 4, "one sector of the table is enough for tests"
    table += [_FREE] * (_SECTOR // 4 - len(table))
    folder = b"".join(entries).ljust(_SECTOR, b"\0")
    head = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
    )
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    return head + struct.pack("<128I", *table) + folder + b"".join(padded.values())


def _entry(name: str, kind: int, start: int, size: int, *, child: int = _FREE, right: int = _FREE) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    body = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, _FREE, right, child)
    return body + bytes(36) + struct.pack("<III", start, size, 0)
