"""`jsonl:PATH`: one JSON value per line, read lazily; blank lines are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import BadLine, TextEncoding, find_encoding
from narrowcast.connectors.json_values import JsonReader, as_record, constants_note, keys_differ
from narrowcast.connectors.source import RAW_CHARS, SourceFile, data_error, settle_path
from narrowcast.core.row import SourceRow
from narrowcast.store.json_text import decode_strictly

OPTIONS = frozenset({"encoding", "errors"})


class JsonlConnector:
    """Built from the path after `jsonl:`, or from a file that another source has opened."""

    settle = staticmethod(settle_path)

    def __init__(self, source: str | SourceFile) -> None:
        self._source = SourceFile.of(source, "jsonl", OPTIONS)
        head = self._source.sample()
        self._source.refuse_binary(head)
        self._encoding: TextEncoding = find_encoding(self._source, head)

    def describe(self) -> SourceDescription:
        """Columns are those of the first hundred records."""
        description = self._source.description("jsonl", self._encoding.name, list(self._encoding.notes))
        columns: dict[str, None] = {}
        bad = seen = 0
        reader = JsonReader()
        for row in self._read(reader):
            bad += row.error is not None
            seen += 1
            columns.update(dict.fromkeys(row.data))
            if seen == 100:
                break
        if bad and bad == seen:
            raise data_error(
                "no line of the file is JSON",
                f"{self._source.path}: {next(self.load()).error}",
                f"if it has another format, read it with file:{self._source.path}",
                reason_code="dataset_format_unknown",
            )
        if bad:
            description.notes.append(f"{bad} of the first {seen} records cannot be parsed")
        description.notes += constants_note(reader.constants)
        description.columns = list(columns)
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Objects as they are, arrays as `column_1, column_2, …`, other values as `value`."""
        return self._read(JsonReader())

    def _read(self, reader: JsonReader) -> Iterator[SourceRow]:
        index = 0
        with self._source.open() as file:
            for line in self._encoding.lines(file):
                if isinstance(line, BadLine):
                    yield SourceRow(index, error=line.error, raw=line.text[:RAW_CHARS])
                    index += 1
                    continue
                try:
                    value = decode_strictly(line)
                except (ValueError, TypeError):
                    record = _checked(line, reader)
                else:
                    record = as_record(value) if keys_differ(value, line) else _checked(line, reader)
                if isinstance(record, dict):
                    yield SourceRow(index, record)
                elif line.strip():
                    yield SourceRow(index, error=record, raw=line[:RAW_CHARS])
                else:
                    continue
                index += 1


def _checked(line: str, reader: JsonReader) -> dict[str, Any] | str:
    """The record of a line that the quick parser refuses, or in which a key may occur twice."""
    text = line.strip(" \t\r")
    try:
        value, end = reader.parse(text)
        if end == len(text):
            return reader.problem(value, text) or as_record(value)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at position {error.pos}"
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:  # numbers of thousands of digits
        return str(error)
    return f"not JSON: something follows the value at position {end}"
