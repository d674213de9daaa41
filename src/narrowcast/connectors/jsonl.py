"""`jsonl:PATH`: one JSON value per line, read lazily; blank lines are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import TextEncoding, TextLine, find_encoding
from narrowcast.connectors.json_values import JsonReader, as_record, constants_note
from narrowcast.connectors.source import RAW_CHARS, SourceFile, data_error, settle_path
from narrowcast.core.row import SourceRow

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
                if line.error is None and not line.text.strip():
                    continue
                yield parse_record(index, line, reader)
                index += 1


def parse_record(index: int, line: TextLine, reader: JsonReader) -> SourceRow:
    """One line as a row, or as a sentinel that says why it is none."""
    problem = line.error
    if problem is None:
        text = line.text.strip(" \t\r")
        try:
            value, end = reader.parse(text)
            if end == len(text):
                problem = reader.problem(value, text)
                if problem is None:
                    return SourceRow(index, as_record(value))
            else:
                problem = f"not JSON: something follows the value at position {end}"
        except json.JSONDecodeError as error:
            problem = f"not JSON: {error.msg} at position {error.pos}"
        except RecursionError:
            problem = "nested too deeply"
        except ValueError as error:  # numbers of thousands of digits
            problem = str(error)
    return SourceRow(index, error=problem, raw=line.text[:RAW_CHARS])
