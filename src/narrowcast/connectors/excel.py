"""Excel workbooks through polars: one sheet, chosen by `?sheet=NAME`; the others are named."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import BadZipFile, ZipFile

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.source import SourceFile, data_error
from narrowcast.connectors.values import plain
from narrowcast.core.row import SourceRow

# A sheet is read whole. Excel's own limit is 1,048,576 rows; this one stops archives that unpack to more.
MAX_UNPACKED_BYTES = 2 << 30


class ExcelConnector:
    """Built by `file:` on an `.xlsx` or `.xlsm` file."""

    def __init__(self, source: SourceFile) -> None:
        import fastexcel
        import polars as pl

        self._source = source
        source.allow("sheet")
        content = source.read_document()
        with _refusals(source):
            _refuse_bomb(source, content)
            self._sheets: list[str] = fastexcel.read_excel(content).sheet_names
            self._sheet = self._chosen(source.options.get("sheet"))
            self._frame = pl.read_excel(
                io.BytesIO(content), sheet_name=self._sheet, infer_schema_length=None, raise_if_empty=False
            )
        if self._frame.is_empty():
            raise data_error(
                f"the sheet {self._sheet!r} has no rows",
                str(source.path),
                f"name another with ?sheet=NAME after the path: {', '.join(self._sheets)}",
            )

    def _chosen(self, asked: str | None) -> str:
        if asked is None:
            return self._sheets[0]
        if asked not in self._sheets:
            raise data_error(
                f"the workbook has no sheet {asked!r}",
                str(self._source.path),
                f"its sheets are: {', '.join(self._sheets)}",
            )
        return asked

    def describe(self) -> SourceDescription:
        """Columns, rows, and the sheets that were not read."""
        notes = [f"sheet {self._sheet!r}, its first row taken as the header; {self._frame.height:,} rows"]
        others = [each for each in self._sheets if each != self._sheet]
        if others:
            notes.append(f"not read: the sheets {', '.join(map(repr, others))} (?sheet=NAME chooses one)")
        description = self._source.description("xlsx", None, notes)
        description.columns = list(self._frame.columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Rows below the header as plain JSON values."""
        for index, record in enumerate(self._frame.iter_rows(named=True)):
            yield SourceRow(index, {key: plain(value) for key, value in record.items()})


def _refuse_bomb(source: SourceFile, content: bytes) -> None:
    with ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise data_error(
            f"the workbook unpacks to {size >> 20:,} MiB, more than {MAX_UNPACKED_BYTES >> 20:,}",
            str(source.path),
            "export the sheet as csv",
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
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise data_error(
            f"this is not a readable xlsx file: {str(error).partition(chr(10))[0]}",
            str(source.path),
            "export it again, for example as csv",
        ) from error
