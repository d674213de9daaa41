"""Which column of a source holds the text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError

_NAMES = (
    "text",
    "content",
    "body",
    "document",
    "message",
    "messages",
    "utterance",
    "question",
    "input",
    "prompt",
)
_LOOKED_AT = 200


def find_column(rows: Iterable[SourceRow]) -> str:
    """A column with a usual name that holds text, else the one with the longest texts.

    Raises:
        DataError: if no column contains text.
    """
    characters: dict[str, int] = {}
    for row in islice(rows, _LOOKED_AT):
        for name, value in row.data.items():
            characters[name] = characters.get(name, 0) + sum(len(text) for _, text in strings(value))
    lower = {name.lower(): name for name, count in characters.items() if count}
    for usual in _NAMES:
        if usual in lower:
            return lower[usual]
    if not any(characters.values()):
        raise DataError(
            "no column contains text",
            where=f"columns: {', '.join(characters) or 'none'}",
            next_command="narrowcast data introspect --locator SCHEME:PATH",
            reason_code="cleaning_failed",
        )
    return max(characters, key=lambda name: characters[name])


def strings(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every text in a value with its path, e.g. `0.content`; keys and numbers are left alone."""
    if isinstance(value, str):
        return [(path, value)]
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        for name, each in value.items():
            found += strings(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            found += strings(each, f"{path}.{number}" if path else str(number))
    return found


def replaced(value: Any, texts: dict[str, str], path: str = "") -> Any:
    """The value with other texts at the paths that `texts` names."""
    if isinstance(value, str):
        return texts.get(path, value)
    if isinstance(value, dict):
        return {
            name: replaced(each, texts, f"{path}.{name}" if path else str(name))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [replaced(each, texts, f"{path}.{n}" if path else str(n)) for n, each in enumerate(value)]
    return value
