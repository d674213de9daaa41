"""Texts that hold several names with one separator between."""

from __future__ import annotations

from collections import Counter

from narrowcast.stages.import_.introspect.profile import Column

LONGEST_NAME = 60
_SEPARATORS = ("|", ";", ",")


def separator_of(column: Column) -> str:
    """What stands between the names in a column of texts; empty where its values are no combinations."""
    values = [str(value) for value in column.values]
    if column.distinct is None or len(values) < 2 or column.share("string") < 0.9:
        return ""
    for separator in _SEPARATORS:
        parts = [[part.strip() for part in value.split(separator)] for value in values]
        if not all(part and len(part) <= LONGEST_NAME for each in parts for part in each):
            continue
        combined = [each for each in parts if len(each) > 1]
        held = Counter(part for each in parts for part in set(each))
        names = {part for each in combined for part in each}
        again = sum(held[part] > 1 for part in names)
        if len(combined) > 1 and 2 * again >= len(names) and len(held) <= len(values):
            return separator
    return ""
