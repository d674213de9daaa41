"""How tables of text write a value that is missing; the same in quotes is a value."""

from __future__ import annotations

MISSING = frozenset({"nan", "NaN", "-nan", "-NaN", "<NA>", "NaT", "null", "NULL", "\\N", "#N/A"})


def without_missing(fields: list[str], text: str = "") -> list[str]:
    """The fields, those that say that there is no value empty.

    Args:
        fields: of one record.
        text: the record as it is written, where it has quotes.
    """
    return ["" if field in MISSING and f'"{field}"' not in text else field for field in fields]
