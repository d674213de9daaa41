"""Intents with their example texts, as chatbots keep them, as one row for each text.

`{"intents": [{"tag": "greeting", "patterns": ["Hi", "Hello there"], "responses": [...]}]}`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from narrowcast.core.row import SourceRow

_NAMES = ("tag", "intent", "name", "label")
_TEXTS = (
    "patterns", "examples", "utterances", "phrases", "training_phrases", "questions", "samples", "sentences",
    "texts", "text",
)  # fmt: skip


def texts_of_intents(outer: str, items: list[Any]) -> tuple[list[dict[str, Any]], str] | None:
    """The rows of a list of intents under a key, and how they were found; None where it is none."""
    called = "intent" in outer.lower()
    forms = [_form(each, called=called) if isinstance(each, dict) else None for each in items]
    form = forms[0] if forms else None
    if form is None or any(each != form for each in forms):
        return None
    rows = [row for each in items for row in _rows(each, form)]
    left = sorted({name for each in items for name in each} - set(form))
    note = f"intents with their {form[1]}, each a row"
    return rows, f"{note}; not read: {', '.join(left)}" if left else note


def rows_of_intents(rows: Iterator[SourceRow]) -> Iterable[SourceRow]:
    """The same for the rows of a list that begins with an intent; any others as they are."""
    first = next(rows, None)
    if first is None:
        return ()
    every, form = chain([first], rows), _form(first.data, called=False)
    return every if form is None else _divided(every, form)


def _divided(rows: Iterable[SourceRow], form: tuple[str, str]) -> Iterator[SourceRow]:
    number = 0
    for row in rows:
        parts = _rows(row.data, form) if _form(row.data, called=False) == form else [row.data]
        for part in parts:
            yield SourceRow(number, part, row.error, row.raw)
            number += 1


def _rows(item: dict[str, Any], form: tuple[str, str]) -> list[dict[str, Any]]:
    name, texts = form
    return [{"text": text, name: item[name]} for text in item[texts]]


def _form(item: Mapping[str, Any], *, called: bool) -> tuple[str, str] | None:
    """The keys of the name and of the texts of an intent.

    Args:
        item: what may be one.
        called: the list is called after intents, so that less particular names will do.
    """
    names, columns = (_NAMES, _TEXTS) if called else (_NAMES[:2], _TEXTS[:1])
    name = next((each for each in names if isinstance(item.get(each), str)), None)
    for column in columns:
        texts = item.get(column)
        if name and isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return name, column
    return None
