"""Values of tables and databases as JSON has them."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """Dates as ISO text, NaN as null, bytes as text, exact decimals as numbers where a number is exact."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, Decimal):
        return _decimal(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _decimal(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.adjusted() < 40:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


class ClassNames:
    """Label names that Hugging Face's `datasets` keeps in a Parquet file's metadata.

    Attributes:
        by_column: column → names in the order of their numbers.
    """

    def __init__(self, metadata: str | None) -> None:
        self.by_column: dict[str, list[str]] = {}
        try:
            features = json.loads(metadata or "{}")["info"]["features"]
        except (KeyError, ValueError, TypeError):
            return  # no such metadata: the numbers stay numbers
        for name, feature in features.items():
            if isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
                feature = feature.get("feature", {})
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
                names = feature.get("names")
                self.by_column[name] = names if isinstance(names, list) else []

    def notes(self) -> list[str]:
        """One sentence per column."""
        return [f"the numbers of {name!r} stand for names kept with the data" for name in self.by_column]

    def plain(self, key: str, value: Any) -> Any:
        """The name where the column has names, else the value as JSON has it."""
        names = self.by_column.get(key)
        if names and isinstance(value, int) and -1 <= value < len(names):
            return names[value] if value >= 0 else None  # -1 is a label that was not published
        if names and isinstance(value, list):
            return [self.plain(key, each) for each in value]
        return plain(value)
