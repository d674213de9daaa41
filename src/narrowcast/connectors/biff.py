"""How far the sheets of an `.xls` workbook reach, read from its records before a parser makes room for all.

A compound file holds streams in chains of sectors; the stream `Workbook` is a series of records, of which
those of cells begin with a row and a column. Both are 16-bit numbers, so that two cells can ask for a
rectangle of four billion.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from narrowcast.connectors.source import SourceFile, data_error

MAX_COLUMNS = 256  # of a sheet of this form, as Excel writes it
_END = 0xFFFFFFFA  # sector numbers from here on mean no sector
_ENTRY = 128
_SMALL = 4096  # bytes of a stream that is kept in small sectors
_CELLS = frozenset({0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00BE, 0x00D6, 0x00FD})
_STREAMS = ("Workbook", "Book")


def refuse_wide(source: SourceFile, content: bytes) -> None:
    """Refuse a workbook with a cell beyond the last column that such a sheet can have.

    Raises:
        DataError: it names the column.
        ValueError: the file is damaged.
    """
    columns = [column for column in _columns(_workbook(content)) if column >= MAX_COLUMNS]
    if columns:
        raise data_error(
            f"a sheet reaches to column {max(columns) + 1:,}; an xls sheet has {MAX_COLUMNS} at most",
            str(source.path),
            "delete the stray cell, or export the sheet as csv",
            reason_code="dataset_source_too_large",
        )


def _columns(stream: bytes) -> Iterator[int]:
    """The column of each cell, counted from 0."""
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind in _CELLS and size >= 4 and at + 8 <= len(stream):
            yield struct.unpack_from("<H", stream, at + 6)[0]
            if kind in (0x00BD, 0x00BE) and size >= 6:  # several cells; the last column is the last number
                yield struct.unpack_from("<H", stream.ljust(at + 4 + size, b"\0"), at + 2 + size)[0]
        at += 4 + size


def _workbook(content: bytes) -> bytes:
    """The stream that holds the sheets."""
    try:
        size = 1 << struct.unpack_from("<H", content, 30)[0]
        (first,) = struct.unpack_from("<I", content, 48)
        (small_first,) = struct.unpack_from("<I", content, 60)
        table = _table(content, size)
        folder = _chain(content, table, first, size, 1)
        entries = [folder[at : at + _ENTRY] for at in range(0, len(folder) - _ENTRY + 1, _ENTRY)]
        for entry in entries:
            (length,) = struct.unpack_from("<H", entry, 64)
            name = entry[: max(0, length - 2)].decode("utf-16-le", "replace")
            if name == "EncryptedPackage":
                raise ValueError("it is protected by a password")
            if name not in _STREAMS:
                continue
            start, bytes_ = struct.unpack_from("<II", entry, 116)
            if bytes_ >= _SMALL:
                return _chain(content, table, start, size, 1)[:bytes_]
            inside = _chain(content, table, struct.unpack_from("<I", entries[0], 116)[0], size, 1)
            small = _numbers(_chain(content, table, small_first, size, 1))
            return _chain(inside, small, start, 64, 0)[:bytes_]
    except (struct.error, IndexError) as error:
        raise ValueError(f"damaged compound file: {error}") from error
    raise ValueError("the compound file holds no workbook")


def _table(content: bytes, size: int) -> list[int]:
    """For each sector the one that follows it."""
    places = list(struct.unpack_from("<109I", content, 76))
    (more,) = struct.unpack_from("<I", content, 68)
    seen = set()
    while more < _END and more not in seen:
        seen.add(more)
        block = _numbers(content[(more + 1) * size : (more + 2) * size])
        places += block[:-1]
        more = block[-1]
    sectors = (content[(place + 1) * size : (place + 2) * size] for place in places if place < _END)
    return [number for sector in sectors for number in _numbers(sector)]


def _numbers(block: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4]))


def _chain(content: bytes, table: list[int], at: int, size: int, skipped: int) -> bytes:
    """The sectors from one on, one behind the other; `skipped` sectors stand before the first."""
    parts, seen = [], set()
    while at < _END:
        if at in seen or at >= len(table):
            raise ValueError("damaged compound file: a chain of sectors does not end")
        seen.add(at)
        parts.append(content[(at + skipped) * size : (at + skipped + 1) * size])
        at = table[at]
    return b"".join(parts)
