"""What the fields of many objects have in common: the output schema of an extraction task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from narrowcast.core.names import ScoringMode
from narrowcast.core.task import TaskSpec

# A text field with at most this many values, each used often, is a choice among them.
_MOST_CHOICES = 20
_ROWS_PER_CHOICE = 10
_LONGEST_CHOICE = 40

_JSON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class FieldStatistics:
    """Types and values of every field, row by row, in bounded memory."""

    def __init__(self) -> None:
        self._types: dict[str, set[str]] = {}
        self._values: dict[str, Counter[str]] = {}
        self._open: set[str] = set()  # fields with too many or too long values to be a choice

    def add(self, target: Mapping[str, Any]) -> None:
        """Count one object."""
        for name, value in target.items():
            types = self._types.setdefault(name, set())
            if value is None:
                continue
            types.add(_JSON_TYPES.get(type(value), "string"))
            if isinstance(value, str) and name not in self._open:
                values = self._values.setdefault(name, Counter())
                values[value] += 1
                if len(values) > _MOST_CHOICES or len(value) > _LONGEST_CHOICE:
                    self._open.add(name)
                    del self._values[name]

    def task(self) -> TaskSpec:
        """Fields in the order in which they were met; null is always allowed."""
        return TaskSpec(
            profile="structured_extraction",
            scoring_mode=ScoringMode.FIELD_MATCH,
            output_schema={
                "type": "object",
                "properties": {name: self._schema(name) for name in self._types},
                "additionalProperties": False,
            },
        )

    def _schema(self, name: str) -> dict[str, Any]:
        types = self._types[name]
        if types == {"integer", "number"}:
            types = {"number"}
        kinds = sorted(types)
        values = self._values.get(name)
        if kinds == ["string"] and values and values.total() >= _ROWS_PER_CHOICE * len(values) > 10:
            return {"enum": [*sorted(values), None]}
        return {"type": [*kinds, "null"]} if kinds else {}
