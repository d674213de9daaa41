"""Parquet and Excel files through polars."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.source import SourceFile, data_error
from narrowcast.core.row import SourceRow

if TYPE_CHECKING:
    import polars as pl

_BATCH = 4_096


class TabularConnector:
    """Built by `file:` on a `.parquet` or `.xlsx` file, told apart by content."""

    def __init__(self, source: SourceFile, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._class_names: dict[str, list[str]] = {}
        self._notes: list[str] = []
        self._frame = self._read()
        if not self._frame.columns or self._frame.height == 0:
            raise data_error("the table holds no rows", str(source.path), "export the data again")

    def _read(self) -> pl.DataFrame:
        import polars as pl

        path = self._source.path
        try:
            with self._source.open() as file:
                if self._kind == "parquet":
                    self._read_class_names(file.read() if self._source.compressed else None)
                    file.seek(0)
                    return pl.read_parquet(file)
                self._notes.append("the first sheet, its first row taken as the header")
                return pl.read_excel(file.read(), infer_schema_length=None)
        except OSError as error:
            raise data_error(f"the file can not be read: {error}", str(path), "check the file") from error
        except (pl.exceptions.PolarsError, ValueError, RuntimeError) as error:
            raise data_error(
                f"this is not a readable {self._kind} file: {str(error).splitlines()[0]}",
                str(path),
                "export it again, for example as csv",
            ) from error

    def _read_class_names(self, data: bytes | None) -> None:
        """Label names that Hugging Face's `datasets` keeps in a Parquet file's metadata."""
        import io

        import polars as pl

        metadata = pl.read_parquet_metadata(io.BytesIO(data) if data else self._source.path)
        try:
            features = json.loads(metadata.get("huggingface", "{}"))["info"]["features"]
        except (KeyError, ValueError, TypeError):
            return
        for name, feature in features.items():
            if isinstance(feature, dict) and feature.get("_type") == "Sequence":
                feature = feature.get("feature", {})
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
                self._class_names[name] = list(feature.get("names", []))
                self._notes.append(f"the numbers of {name!r} stand for names kept in the file's metadata")

    def describe(self) -> SourceDescription:
        """Columns and number of rows."""
        notes = [f"{self._frame.height:,} rows", *self._notes]
        description = self._source.description(self._kind, None, notes)
        description.columns = list(self._frame.columns)
        return description

    def load(self) -> Iterator[SourceRow]:
        """Rows as plain JSON values: dates as ISO text, NaN as null, class numbers as their names."""
        index = 0
        for batch in self._frame.iter_slices(_BATCH):
            for record in batch.iter_rows(named=True):
                yield SourceRow(index, {key: self._plain(key, value) for key, value in record.items()})
                index += 1

    def _plain(self, key: str, value: Any) -> Any:
        names = self._class_names.get(key)
        if names and isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        if names and isinstance(value, list):
            return [self._plain(key, each) for each in value]
        return plain(value)


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
