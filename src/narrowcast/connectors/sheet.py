"""How far a sheet of a workbook reaches, read from its XML before a parser makes room for all of it.

A sheet is stored cell by cell, and parsers make it a rectangle. One stray cell in the last row and column, as
a slip of the hand leaves it, makes that rectangle larger than any memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import join, normpath
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from narrowcast.connectors.source import SourceFile, data_error

_BLOCK = 1 << 20
_ANY_SIZE = 16_000_000  # cells of a rectangle that is read however few of them hold something
_EMPTY_PER_CELL = 10  # at most, for each stored cell of a larger one
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^<>]*?\br=["']([A-Za-z]{1,3})(\d{1,7})["']""")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def refuse_sparse(source: SourceFile, archive: ZipFile, sheet: str) -> None:
    """Refuse a sheet that would be almost nothing but room.

    Raises:
        DataError: it names the outermost cell.
    """
    name = _member(archive, sheet)
    if name is None:
        return  # the parser says what is wrong with the workbook
    count, rows, columns, last = 0, 0, 0, ""
    for letters, digits in _cells(archive, name):
        count += 1
        row, column = int(digits), _number(letters)
        if row > rows or column > columns:
            last = f"{letters.decode()}{row}"
        rows, columns = max(rows, row), max(columns, column)
    if rows * columns > max(_ANY_SIZE, _EMPTY_PER_CELL * count):
        raise data_error(
            f"the sheet {sheet!r} reaches to row {rows:,} and column {columns:,}, and holds {count:,} cells",
            str(source.path),
            f"delete the stray cell {last}, or export the sheet as csv",
            reason_code="dataset_source_too_large",
        )


def _cells(archive: ZipFile, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Column letters and row number of each cell that says where it is."""
    rest = b""
    with archive.open(name) as file:
        while block := file.read(_BLOCK):
            block = rest + block
            whole, mark, rest = block.rpartition(b"<")
            rest = (mark + rest)[:_BLOCK]
            yield from _CELL.findall(whole)
    yield from _CELL.findall(rest)


def _number(letters: bytes) -> int:
    """A is 1, AA is 27."""
    number = 0
    for each in letters.upper():
        number = number * 26 + each - ord("A") + 1
    return number


def _member(archive: ZipFile, sheet: str) -> str | None:
    """The file of a sheet in the archive."""
    try:
        book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat limits entities
        relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ET.ParseError):
        return None
    ids = [each.get(_RELATION) for each in book.iter() if each.get("name") == sheet]
    targets = {each.get("Id"): each.get("Target", "") for each in relations}
    names = [normpath(join("xl", targets.get(each, ""))).lstrip("/") for each in ids if each is not None]
    return names[0] if names and names[0] in archive.namelist() else None
