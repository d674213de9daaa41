"""A whole JSON document as rows. It can not be cut into records unparsed, so it is read at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import find_encoding
from narrowcast.connectors.jsonl import as_record, refuse_constant
from narrowcast.connectors.source import SourceFile, data_error
from narrowcast.core.names import Split
from narrowcast.core.row import SourceRow

_COLUMN_NAMES = frozenset(
    ("text", "texts", "sentence", "sentences", "label", "labels", "category", "intent", "question", "answer")
)


class JsonConnector:
    """Built by `file:` on a `.json` file.

    Read as rows: a list of objects, of `[text, label]` arrays or of plain values; an object that wraps one
    list of objects (`{"version": 1, "examples": [...]}`); an object of named lists, as CLINC150 keeps its
    splits (the name goes into a column); an object of equally long columns; an object of objects (its keys
    become the column `key`); SQuAD's articles, paragraphs and questions; any other object is one row.
    """

    def __init__(self, source: SourceFile, head: bytes) -> None:
        self._source = source
        self._encoding = find_encoding(source, head)
        self._rows: list[dict[str, Any]] | None = None
        self._notes: list[str] = []

    def describe(self) -> SourceDescription:
        """Parses the document: its shape can not be told from its start."""
        rows = self._parse()
        notes = [*self._encoding.notes, *self._notes]
        description = self._source.description("json", self._encoding.name, notes)
        columns: dict[str, None] = {}
        for row in rows[:100]:
            columns.update(dict.fromkeys(row))
        description.columns = list(columns)
        return description

    def load(self) -> Iterator[SourceRow]:
        """Every row, in the order of the document."""
        for index, row in enumerate(self._parse()):
            yield SourceRow(index, row)

    def _parse(self) -> list[dict[str, Any]]:
        if self._rows is None:
            value = self._read()
            self._rows, note = rows_of(value)
            self._notes.append(note)
            if not self._rows:
                raise data_error(
                    "the JSON document holds no rows",
                    str(self._source.path),
                    "a list of objects is the plainest form",
                )
        return self._rows

    def _read(self) -> Any:
        with self._source.open() as file:
            data = file.read()
        try:
            text = data.decode(self._encoding.name).removeprefix("\ufeff")
            value = json.loads(text, parse_constant=refuse_constant)
            if "\\u" in text:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeDecodeError as error:
            raise data_error(
                f"the document is not valid {self._encoding.name}: {error.reason}",
                f"{self._source.path}, position {error.start}",
                "convert it to utf-8, or add ?encoding=NAME to the locator",
            ) from error
        except json.JSONDecodeError as error:
            raise data_error(
                f"the document is not JSON: {error.msg}",
                f"{self._source.path}, line {error.lineno}, column {error.colno}",
                f"repair it there; if it is one object a line, use jsonl:{self._source.path}",
            ) from error
        except (ValueError, RecursionError) as error:
            raise data_error(
                f"the document can not be read: {error}", str(self._source.path), "repair it, then try again"
            ) from error
        return value


def rows_of(value: Any) -> tuple[list[dict[str, Any]], str]:
    """The rows of a document, and how they were found."""
    if isinstance(value, list):
        kinds = "objects" if all(isinstance(each, dict) for each in value) else "values"
        return [as_record(each) for each in value], f"a list of {len(value):,} {kinds}"
    if not isinstance(value, dict):
        return [{"value": value}], "one plain value"
    return _rows_of_object(value)


def _rows_of_object(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    lists = {key: each for key, each in value.items() if isinstance(each, list)}
    wrapped = [key for key, each in lists.items() if each and isinstance(each[0], dict)]
    if len(wrapped) == 1:
        name = wrapped[0]
        if _is_squad(lists[name]):
            return _squad_rows(lists[name]), f"SQuAD form: the questions of the articles in {name!r}"
        return [as_record(each) for each in lists[name]], f"the list in {name!r}; the rest is not rows"
    if len(wrapped) > 1:
        return _named_lists({name: lists[name] for name in wrapped})
    if lists and len(lists) == len(value):
        if _is_columnar(lists):
            names = list(lists)
            rows = [dict(zip(names, each, strict=True)) for each in zip(*lists.values(), strict=True)]
            return rows, "an object of equally long columns"
        return _named_lists(lists)
    if value and all(isinstance(each, dict) for each in value.values()):
        rows = [{"key": key, **each} for key, each in value.items()]
        return rows, "an object of objects; its keys are the column 'key'"
    return [value], "one object, taken as one row"


def _is_columnar(lists: dict[str, list[Any]]) -> bool:
    lengths = {len(each) for each in lists.values()}
    flat = not any(isinstance(item, list | dict) for each in lists.values() for item in each[:3])
    return len(lengths) == 1 and flat and bool(_COLUMN_NAMES & {name.lower() for name in lists})


def _named_lists(lists: dict[str, list[Any]]) -> tuple[list[dict[str, Any]], str]:
    splits = {name: split_of(name) for name in lists}
    column = "split" if any(splits.values()) else "key"
    rows = [{**as_record(each), column: name} for name, items in lists.items() for each in items]
    names = ", ".join(f"{name} ({len(items):,})" for name, items in lists.items())
    return rows, f"named lists: {names}; the name is the column {column!r}"


def split_of(name: str) -> Split | None:
    """The split a name such as `oos_val`, `validation` or `train` stands for."""
    words = name.lower().replace("-", "_").split("_")
    for word in words:
        if word in ("train", "training"):
            return Split.TRAIN
        if word in ("val", "valid", "validation", "dev"):
            return Split.DEV
        if word in ("test", "testing"):
            return Split.TEST
    return None


def _is_squad(items: list[Any]) -> bool:
    return all(isinstance(each, dict) and isinstance(each.get("paragraphs"), list) for each in items[:5])


def _squad_rows(articles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"title": article.get("title", ""), "context": paragraph.get("context"), **question}
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph.get("qas", [])
    ]
