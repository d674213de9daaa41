"""A whole JSON document as rows. A list is read item by item; an object can only be read whole."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import find_encoding
from narrowcast.connectors.json_hub import served_rows
from narrowcast.connectors.json_intents import rows_of_intents, texts_of_intents
from narrowcast.connectors.json_list import BrokenListError, ListReader
from narrowcast.connectors.json_values import BAD_BYTE, JsonReader, as_record, constants_note, no_json_in
from narrowcast.connectors.source import RAW_CHARS, SourceFile, data_error
from narrowcast.core.names import Split
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError

_SPACE = re.compile(r"[ \t\r\n]*")
_COLUMN_NAMES = frozenset(
    ("text", "texts", "sentence", "sentences", "label", "labels", "category", "intent", "question", "answer")
)
# Names of a list that say nothing of its rows.
_WRAPPERS = frozenset(
    (
        "data",
        "rows",
        "items",
        "records",
        "examples",
        "instances",
        "entries",
        "results",
        "samples",
        "values",
        "list",
    )
)
_LEAST_PAIRS = 20  # an object of fewer plain values is one row


class JsonConnector:
    """Built by `file:` on a `.json` file.

    Read as rows: a list of objects, of `[text, label]` arrays or of plain values; an object that wraps one
    list of objects (`{"version": 1, "examples": [...]}`); an object of named lists, as CLINC150 keeps its
    splits (the name goes into a column); an object of equally long columns; an object of objects (its keys
    become the column `key`); SQuAD's articles, paragraphs and questions; intents with their example texts;
    objects one behind the other; any other object is one row.
    """

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        source.allow("encoding", "errors")
        head = source.sample()
        self._encoding = find_encoding(source, head)
        text = head.decode(self._encoding.name, "replace")
        self._is_list = text.lstrip("\ufeff \t\r\n").startswith("[")
        self._rows: list[SourceRow] | None = None
        self._notes: list[str] = []
        self._constants = 0

    def describe(self) -> SourceDescription:
        """Columns of the first hundred rows; an object is parsed whole, its start does not tell its shape."""
        columns: dict[str, None] = {}
        count = 0
        for row in islice(self.load(), 100):
            columns.update(dict.fromkeys(row.data))
            count += 1
        if not count:
            raise data_error(
                "the JSON document has no rows",
                str(self._source.path),
                "write a list of objects",
                reason_code="dataset_source_empty",
            )
        notes = ["a list, read item by item"] if self._is_list else self._notes
        notes = [*notes, *constants_note(self._constants)]
        description = self._source.description("json", self._encoding.name, [*self._encoding.notes, *notes])
        description.columns = list(columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Every row, in the order of the document."""
        with self._refusals():
            if self._is_list:
                with self._source.open() as file:
                    # An explicit newline keeps carriage returns, so that positions are those of the file.
                    text = io.TextIOWrapper(file, self._encoding.name, self._encoding.errors, newline="")
                    mark = len(codecs.BOM_UTF8) if self._encoding.name == "utf-8-sig" else 0
                    reader = ListReader(text, mark)
                    for row in rows_of_intents(reader.rows()):
                        self._constants = reader.constants
                        yield row
                    return
            yield from self._parse()

    def _parse(self) -> list[SourceRow]:
        if self._rows is None:
            content = self._source.read_document()
            text = content.decode(self._encoding.name, self._encoding.errors).removeprefix("\ufeff")
            reader = JsonReader()
            value, note, doubtful = _document(text, reader)
            self._constants = reader.constants
            rows, shape = rows_of(value)
            self._rows = [_row(index, each, doubtful) for index, each in enumerate(rows)]
            self._notes.append(note or shape)
        return self._rows

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        path = self._source.path
        try:
            yield
        except UnicodeDecodeError as error:
            raise data_error(
                f"the document is not valid {self._encoding.name}: {error.reason}",
                str(path),
                "convert it to utf-8, or add ?encoding=NAME or ?errors=replace to the locator",
                reason_code="dataset_encoding_unknown",
            ) from error
        except BrokenListError as error:
            raise self._broken(str(error), error.line, error.column) from error
        except json.JSONDecodeError as error:
            what = f"the document is not JSON: {error.msg}"
            raise self._broken(what, error.lineno, error.colno) from error
        except (ValueError, RecursionError) as error:
            raise data_error(
                f"the document cannot be read: {error}",
                str(path),
                "repair it, then try again",
                reason_code="dataset_source_damaged",
            ) from error

    def _broken(self, what: str, line: int, column: int) -> DataError:
        path = self._source.path
        return data_error(
            what,
            f"{path}, line {line}, column {column}",
            f"repair it there; if it has one object per line, use jsonl:{path}",
            reason_code="dataset_source_damaged",
        )


def _document(text: str, reader: JsonReader) -> tuple[Any, str, bool]:
    """The value of a document, or a list of those that stand one behind the other; a note where it is one.

    The last says whether there may be values inside that are not JSON, so that each row is looked at.
    """
    values: list[Any] = []
    at, doubtful = _blank(text, 0), "\\u" in text or BAD_BYTE.search(text) is not None
    while at < len(text):
        value, end = reader.parse(text, at)
        if reader.repeated is not None:
            raise ValueError(f"the key {reader.repeated!r} occurs twice in one object")
        values.append(value)
        at = _blank(text, end)
        if text[at : at + 1] == "," and _blank(text, at + 1) < len(text):  # as copied out of a list
            at = _blank(text, at + 1)
        if at < len(text) and not (isinstance(value, dict) and text[at] == "{"):
            raise json.JSONDecodeError("Extra data", text, at)
    if len(values) == 1:
        return values[0], "", doubtful
    return values, f"{len(values):,} JSON objects, one behind the other", doubtful


def _blank(text: str, at: int) -> int:
    """The next place that holds something."""
    blank = _SPACE.match(text, at)
    return blank.end() if blank else at


def _row(index: int, record: dict[str, Any], doubtful: bool) -> SourceRow:
    problem = no_json_in(record) if doubtful else None
    if problem is None:
        return SourceRow(index, record)
    return SourceRow(index, error=problem, raw=json.dumps(record)[:RAW_CHARS])


def rows_of(value: Any) -> tuple[list[dict[str, Any]], str]:
    """The rows of a document, and how they were found."""
    if isinstance(value, list):
        kinds = "objects" if all(isinstance(each, dict) for each in value) else "values"
        return [as_record(each) for each in value], f"a list of {len(value):,} {kinds}"
    if not isinstance(value, dict):
        return [{"value": value}], "one plain value"
    return _rows_of_object(value)


def _rows_of_object(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    known = served_rows(value) or _table(value) or _unwrapped(value)
    if known is not None:
        return known
    lists = {key: each for key, each in value.items() if isinstance(each, list)}
    wrapped = [key for key, each in lists.items() if each and isinstance(each[0], dict)]
    if len(wrapped) == 1:
        return _rows_of_list(wrapped[0], lists[wrapped[0]], alone=len(value) == 1)
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
    if len(value) >= _LEAST_PAIRS and not any(isinstance(each, dict | list) for each in value.values()):
        rows = [{"key": key, "value": each} for key, each in value.items()]
        return rows, "an object of plain values; its keys are the column 'key', they are 'value'"
    return [value], "one object, taken as one row"


def _rows_of_list(name: str, items: list[Any], *, alone: bool) -> tuple[list[dict[str, Any]], str]:
    """The rows of the only list of objects in a document; `alone` where it holds nothing else."""
    if _is_squad(items):
        return _squad_rows(items), f"SQuAD form: the questions of the articles in {name!r}"
    intents = texts_of_intents(name, items)
    if intents is not None:
        return intents
    if alone and name.lower() not in _WRAPPERS:
        return _named_lists({name: items})
    return [as_record(each) for each in items], f"the list in {name!r}; the rest is ignored"


def _unwrapped(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str] | None:
    """The rows of the only object inside another, under a name such as `data`; else None."""
    inside = [key for key, each in value.items() if isinstance(each, dict | list)]
    if len(inside) != 1 or not isinstance(value[inside[0]], dict) or inside[0].lower() not in _WRAPPERS:
        return None
    rows, shape = _rows_of_object(value[inside[0]])
    return rows, f"inside {inside[0]!r}: {shape}"


def _table(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str] | None:
    """The rows of a table as pandas writes it, by columns of numbered rows or split; else None."""
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and value.keys() <= {"columns", "index", "data"}:
        names = [str(each) for each in columns]
        if all(isinstance(each, list) and len(each) == len(names) for each in data):
            rows = [dict(zip(names, each, strict=True)) for each in data]
            return rows, "a table of columns and data, as pandas splits it"
    inner = list(value.values())
    if not inner or not all(isinstance(each, dict) for each in inner):
        return None
    numbers = inner[0].keys()
    if not numbers or not all(each.keys() == numbers for each in inner):
        return None
    known = not _COLUMN_NAMES.isdisjoint(name.lower() for name in value)
    named = known and len(numbers) >= max(_LEAST_PAIRS, len(value)) and _COLUMN_NAMES.isdisjoint(numbers)
    if not named and not all(each.isdigit() for each in numbers):
        return None
    rows = [{name: column[number] for name, column in value.items()} for number in numbers]
    return rows, "an object of columns, each an object of rows, as pandas writes it"


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
    """Whether every article has paragraphs, and every paragraph its questions, as objects."""
    return all(
        isinstance(each, dict)
        and isinstance(each.get("paragraphs"), list)
        and all(_is_squad_paragraph(paragraph) for paragraph in each["paragraphs"])
        for each in items
    )


def _is_squad_paragraph(value: Any) -> bool:
    questions = value.get("qas", []) if isinstance(value, dict) else None
    return isinstance(questions, list) and all(isinstance(each, dict) for each in questions)


def _squad_rows(articles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"title": article.get("title", ""), "context": paragraph.get("context"), **question}
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph.get("qas", [])
    ]
