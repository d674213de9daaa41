"""How tables of text write a value that is missing; the same in quotes is a value."""

from __future__ import annotations

from collections import Counter

MISSING = frozenset({"nan", "NaN", "-nan", "-NaN", "<NA>", "NaT", "null", "NULL", "\\N", "#N/A"})


_COUNTED = MISSING - {"nan", "NaN", "null", "NULL"}  # which nobody takes for a value


def missing_notes(text: str, delimiter: str) -> list[str]:
    """A note on the words of a sample that are read as empty cells, though they may be taken for values."""
    if not any(word in text for word in _COUNTED):
        return []
    counts = Counter(cell for line in text.splitlines() for cell in line.split(delimiter or "\x1f"))
    listed = ", ".join(f"{word} ({counts[word]:,})" for word in sorted(_COUNTED) if counts[word])
    return [f"read as empty cells, counted in the first MiB: {listed}"] if listed else []


def without_missing(fields: list[str], text: str = "") -> list[str]:
    """The fields, those that say that there is no value empty.

    Args:
        fields: of one record.
        text: the record as it is written, where it has quotes.
    """
    return ["" if field in MISSING and f'"{field}"' not in text else field for field in fields]
