"""Parquet and Excel files through polars. A plain Parquet file is read slice by slice."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.source import SourceFile, data_error
from narrowcast.core.row import SourceRow

if TYPE_CHECKING:
    import polars as pl

_SLICE = 16_384


class TabularConnector:
    """Built by `file:` on a `.parquet` or `.xlsx` file, told apart by content."""

    def __init__(self, source: SourceFile, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._class_names: dict[str, list[str]] = {}
        self._notes: list[str] = []
        with self._refusals():
            self._frame = self._open()
            self._columns = self._frame.collect_schema().names()
            self._height = int(self._frame.select(_length()).collect().item()) if self._columns else 0
        if self._height == 0:
            raise data_error("the table holds no rows", str(source.path), "export the data again")

    def _open(self) -> pl.LazyFrame:
        import polars as pl

        if self._kind == "parquet":
            source = self._bytes() if self._source.compressed else self._source.path
            self._read_class_names(pl.read_parquet_metadata(source))
            return pl.scan_parquet(source)
        self._notes.append("the first sheet, its first row taken as the header")
        return pl.read_excel(self._bytes(), infer_schema_length=None).lazy()

    def _bytes(self) -> Any:
        import io

        with self._source.open() as file:
            return io.BytesIO(file.read())

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Whatever the parsers object to, said in one sentence."""
        from fastexcel import FastExcelError
        from polars.exceptions import PolarsError

        try:
            yield
        except (PolarsError, FastExcelError, OSError, ValueError, RuntimeError) as error:
            raise data_error(
                f"this is not a readable {self._kind} file: {str(error).partition(chr(10))[0]}",
                str(self._source.path),
                "export it again, for example as csv",
            ) from error

    def _read_class_names(self, metadata: dict[str, str]) -> None:
        """Label names that Hugging Face's `datasets` keeps in a Parquet file's metadata."""
        try:
            features = json.loads(metadata.get("huggingface", "{}"))["info"]["features"]
        except (KeyError, ValueError, TypeError):
            return  # no such metadata: the numbers stay numbers
        for name, feature in features.items():
            if isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
                feature = feature.get("feature", {})
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
                self._class_names[name] = list(feature.get("names", []))
                self._notes.append(f"the numbers of {name!r} stand for names kept in the file's metadata")

    def describe(self) -> SourceDescription:
        """Columns and number of rows."""
        notes = [f"{self._height:,} rows", *self._notes]
        description = self._source.description(self._kind, None, notes)
        description.columns = list(self._columns)
        return description

    def load(self) -> Iterator[SourceRow]:
        """Rows as plain JSON values: dates as ISO text, NaN as null, class numbers as their names."""
        index = 0
        while index < self._height:
            with self._refusals():
                part = self._frame.slice(index, _SLICE).collect()
            for record in part.iter_rows(named=True):
                yield SourceRow(index, {key: self._plain(key, value) for key, value in record.items()})
                index += 1

    def _plain(self, key: str, value: Any) -> Any:
        names = self._class_names.get(key)
        if names and isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        if names and isinstance(value, list):
            return [self._plain(key, each) for each in value]
        return plain(value)


def _length() -> Any:
    import polars as pl

    return pl.len()


def plain(value: Any) -> Any:
    """A polars value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
