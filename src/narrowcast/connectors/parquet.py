"""`parquet:PATH`: a Parquet file, read batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.header import unique_names
from narrowcast.connectors.source import SourceFile, data_error, settle_path
from narrowcast.connectors.values import ClassNames
from narrowcast.core.row import SourceRow

_BATCH = 4_096


class ParquetConnector:
    """Built from the path after `parquet:`, or from a file that `file:` has opened."""

    settle = staticmethod(settle_path)

    def __init__(self, source: str | SourceFile) -> None:
        import polars as pl

        self._source = SourceFile.of(source, "parquet")
        with _refusals(self._source):
            packed = self._source.compressed
            content: Any = io.BytesIO(self._source.read_document()) if packed else self._source.path
            self._names = ClassNames(pl.read_parquet_metadata(content).get("huggingface"))
            self._frame = pl.scan_parquet(content)
            self._columns, self._notes = unique_names(self._frame.collect_schema().names())
            self._height = int(self._frame.select(pl.len()).collect().item()) if self._columns else 0
        if self._height == 0:
            raise data_error("the table has no rows", str(self._source.path), "export the data again")

    def describe(self) -> SourceDescription:
        """Columns and number of rows."""
        notes = [f"{self._height:,} rows", *self._names.notes(), *self._notes]
        description = self._source.description("parquet", None, notes)
        description.columns = list(self._columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Rows as plain JSON values: dates as ISO text, NaN as null, class numbers as their names."""
        index = 0
        with _refusals(self._source):
            for start in range(0, self._height, _BATCH):
                part = self._frame.slice(start, _BATCH).collect()
                for record in part.iter_rows():
                    cells = zip(self._columns, part.columns, record, strict=True)
                    yield SourceRow(index, {name: self._names.plain(key, cell) for name, key, cell in cells})
                    index += 1


@contextmanager
def _refusals(source: SourceFile) -> Iterator[None]:
    """Whatever the parser objects to, said in one sentence."""
    from polars.exceptions import PanicException, PolarsError

    try:
        yield
    except (PolarsError, PanicException, OSError, ValueError, RuntimeError) as error:
        raise data_error(
            f"this is not a readable parquet file: {str(error).partition(chr(10))[0]}",
            str(source.path),
            "export it again, for example as csv",
        ) from error
