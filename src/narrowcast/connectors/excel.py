"""Workbooks of Excel, the old form as well, and of OpenDocument: one sheet, chosen by `?sheet=NAME`."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import BadZipFile, ZipFile

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.biff import refuse_wide
from narrowcast.connectors.fill import FillDown
from narrowcast.connectors.header import EXPLAINED, Header, header_of, unique_names
from narrowcast.connectors.repeats import MAX_CELLS, cells_of
from narrowcast.connectors.sheet import refuse_sparse
from narrowcast.connectors.source import SourceFile, data_error
from narrowcast.connectors.values import plain
from narrowcast.core.row import SourceRow

_HEAD = 200  # rows in which the header is looked for
# A sheet is read whole. Excel's own limit is 1,048,576 rows; this one stops archives that unpack to more.
MAX_UNPACKED_BYTES = 2 << 30
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of `.xls`, and of a workbook that is encrypted
SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")


class ExcelConnector:
    """Built by `file:` on an `.xlsx`, `.xlsm`, `.xls` or `.ods` file."""

    def __init__(self, source: SourceFile) -> None:
        import fastexcel
        import polars as pl

        self._source = source
        source.allow("sheet", "header", "fill")
        content = source.read_document()
        with _refusals(source):
            zipped = content.startswith(ZIP)
            if zipped:
                _refuse_bomb(source, content)
            else:
                refuse_wide(source, content)
            book = fastexcel.read_excel(content)
            self._sheets: list[str] = book.sheet_names
            self._sheet = self._chosen(source.options.get("sheet"))
            if zipped:
                with ZipFile(io.BytesIO(content)) as archive:
                    refuse_sparse(source, archive, self._sheet)
            head = book.load_sheet(self._sheet, header_row=None, skip_rows=0, n_rows=_HEAD, dtypes="string")
            self._header, above = self._find_header(head.to_polars().rows())
            self._frame = pl.read_excel(
                io.BytesIO(content),
                sheet_name=self._sheet,
                read_options={"header_row": None, "skip_rows": above},
                infer_schema_length=None,
                raise_if_empty=False,
                drop_empty_cols=False,
            )
            self._columns, self._notes = self._named_columns()
        self._fill = FillDown(source.options.get("fill"), self._columns, source.locator)
        if self._frame.is_empty():
            raise data_error(
                f"the sheet {self._sheet!r} has no rows",
                str(source.path),
                f"name another with ?sheet=NAME after the path: {', '.join(self._sheets)}",
                reason_code="dataset_source_empty",
            )

    def _find_header(self, rows: list[tuple[str | None, ...]]) -> tuple[Header, int]:
        """The header, and how many rows of the sheet are above the first row of data."""
        places = [place for place, row in enumerate(rows) if any(cell and cell.strip() for cell in row)]
        records = [[cell or "" for cell in rows[place]] for place in places]
        if not records:
            return Header(None, 0, "no header: there are no rows"), 0
        header = header_of(
            self._source.options.get("header"),
            records,
            lambda line: places.index(line - 1) if line - 1 in places else None,
            self._source.locator,
        )
        return header, places[header.above] + (header.names is not None)

    def _named_columns(self) -> tuple[list[str], list[str]]:
        """Names of the columns that hold something or have a name; the others are dropped."""
        names = self._header.names or [""] * self._frame.width
        names = [*names, *[""] * (self._frame.width - len(names))][: self._frame.width]
        nulls = self._frame.null_count().row(0) if self._frame.width else ()
        kept = [n for n, name in enumerate(names) if name or nulls[n] < self._frame.height]
        self._frame = self._frame.select([self._frame.columns[n] for n in kept])
        return unique_names([names[n] or f"column_{n + 1}" for n in kept])

    def _chosen(self, asked: str | None) -> str:
        if not self._sheets:
            raise data_error(
                "the workbook has no sheets",
                str(self._source.path),
                "export it again",
                reason_code="dataset_source_empty",
            )
        if asked is None:
            return self._sheets[0]
        if asked not in self._sheets:
            raise data_error(
                f"the workbook has no sheet {asked!r}",
                str(self._source.path),
                f"its sheets are: {', '.join(self._sheets)}",
                reason_code="dataset_source_missing",
            )
        return asked

    def describe(self) -> SourceDescription:
        """Columns, rows, and the sheets that were not read."""
        notes = [f"sheet {self._sheet!r}, {self._frame.height:,} rows", *self._header.notes, *self._notes]
        notes += self._fill.notes
        others = [each for each in self._sheets if each != self._sheet]
        if others:
            notes.append(f"not read: the sheets {', '.join(map(repr, others))} (?sheet=NAME chooses one)")
        description = self._source.description(self._source.suffix.removeprefix("."), None, notes)
        description.columns = list(self._columns)
        description.header = self._header.names is not None
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Rows below the header as plain JSON values; the header once more is a sentinel."""
        return self._fill.rows(self._rows())

    def _rows(self) -> Iterator[SourceRow]:
        explained = self._header.is_explained_by(self._frame.head(2).rows())
        for index, record in enumerate(self._frame.iter_rows()):
            if self._header.is_repeated_by(record):
                yield SourceRow(index, error="the header once more", raw=", ".join(map(str, record)))
            elif explained and not index:
                yield SourceRow(index, error=EXPLAINED, raw=", ".join(map(str, record)))
            else:
                values = zip(self._columns, record, strict=True)
                yield SourceRow(index, {name: plain(value) for name, value in values})


def _refuse_bomb(source: SourceFile, content: bytes) -> None:
    with ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        small = size <= MAX_UNPACKED_BYTES and "content.xml" in archive.namelist()
        cells = cells_of(archive.read("content.xml")) if small else 0
    if size > MAX_UNPACKED_BYTES:
        raise data_error(
            f"the workbook unpacks to {size >> 20:,} MiB, more than {MAX_UNPACKED_BYTES >> 20:,}",
            str(source.path),
            "export the sheet as csv",
            reason_code="dataset_source_too_large",
        )
    if source.suffix == ".ods" and cells > MAX_CELLS:
        raise data_error(
            f"the workbook repeats its cells more than {MAX_CELLS:,} times",
            str(source.path),
            "export the sheet as csv",
            reason_code="dataset_source_too_large",
        )


@contextmanager
def _refusals(source: SourceFile) -> Iterator[None]:
    """Whatever the parsers object to, said in one sentence."""
    from fastexcel import FastExcelError
    from polars.exceptions import PanicException, PolarsError

    try:
        yield
    except (
        PolarsError,
        PanicException,
        FastExcelError,
        BadZipFile,
        zlib.error,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise data_error(
            f"this is not a readable workbook: {str(error).partition(chr(10))[0]}",
            str(source.path),
            "export it again, for example as csv",
            reason_code="dataset_source_damaged",
        ) from error
