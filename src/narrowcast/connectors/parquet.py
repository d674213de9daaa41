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
            raise data_error(
                "the table has no rows",
                str(self._source.path),
                "export the data again",
                reason_code="dataset_source_empty",
            )

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
        index, columns = 0, self._columns
        with _refusals(self._source):
            changed = self._changed()
            for start in range(0, self._height, _BATCH):
                part = self._frame.slice(start, _BATCH).collect()
                for record in part.iter_rows():
                    data = dict(zip(columns, record, strict=True))
                    for name, key in changed:
                        data[name] = self._names.plain(key, data[name])
                    yield SourceRow(index, data)
                    index += 1

    def _changed(self) -> list[tuple[str, str]]:
        """Columns whose values are not all as JSON has them, under their own names and those of the file."""
        import polars as pl

        schema = self._frame.collect_schema()
        return [
            (name, key)
            for name, (key, kind) in zip(self._columns, schema.items(), strict=True)
            if not (kind.is_integer() or kind in (pl.String, pl.Boolean)) or key in self._names.by_column
        ]


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
            reason_code="dataset_source_damaged",
        ) from error
