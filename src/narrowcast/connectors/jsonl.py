"""`jsonl:PATH`: one JSON value a line, read lazily. Blank lines are no records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import TextEncoding, TextLine, find_encoding
from narrowcast.connectors.source import RAW_CHARS, SourceFile, data_error
from narrowcast.core.row import SourceRow


def refuse_constant(name: str) -> Any:
    """For `parse_constant`: NaN and the infinities are no JSON."""
    raise ValueError(f"{name} has no JSON form")


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


class JsonlConnector:
    """Built from the path behind `jsonl:`; a gzip file is read as it is."""

    def __init__(self, rest: str, scheme: str = "jsonl") -> None:
        self._source = SourceFile(scheme, rest, frozenset({"encoding"}))
        head = self._source.sample()
        self._source.refuse_binary(head)
        self._encoding: TextEncoding = find_encoding(self._source, head)

    def describe(self) -> SourceDescription:
        """Columns are those of the first hundred records."""
        description = self._source.description("jsonl", self._encoding.name, list(self._encoding.notes))
        columns: dict[str, None] = {}
        bad = seen = 0
        for row in self.load():
            bad += row.error is not None
            seen += 1
            columns.update(dict.fromkeys(row.data))
            if seen == 100:
                break
        if bad and bad == seen:
            raise data_error(
                "no line of the file is JSON",
                f"{self._source.path}: {next(self.load()).error}",
                f"if it is another format, read it with file:{self._source.path}",
            )
        if bad:
            description.notes.append(f"{bad} of the first {seen} records can not be parsed")
        description.columns = list(columns)
        return description

    def load(self) -> Iterator[SourceRow]:
        """Objects as they are, arrays as `column_1, column_2, …`, other values as `value`."""
        index = 0
        for line in self._encoding.lines(self._source):
            if line.error is None and not line.text.strip():
                continue
            yield parse_record(index, line)
            index += 1


def parse_record(index: int, line: TextLine) -> SourceRow:
    """One line as a row, or as a sentinel that says why it is none."""
    if line.error is not None:
        return SourceRow(index, error=line.error, raw=line.text[:RAW_CHARS])
    try:
        text = line.text.strip(" \t\r")
        value = _decode(text)
    except json.JSONDecodeError as error:
        return SourceRow(
            index, error=f"not JSON: {error.msg} at position {error.pos}", raw=line.text[:RAW_CHARS]
        )
    except UnicodeEncodeError:
        return SourceRow(index, error="a \\u escape is half a surrogate pair", raw=line.text[:RAW_CHARS])
    except RecursionError:
        return SourceRow(index, error="nested too deeply", raw=line.text[:RAW_CHARS])
    except ValueError as error:  # NaN, infinity, numbers of thousands of digits
        return SourceRow(index, error=str(error), raw=line.text[:RAW_CHARS])
    return SourceRow(index, as_record(value))


def _decode(text: str) -> Any:
    value, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise json.JSONDecodeError("something follows the value", text, end)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def as_record(value: Any) -> dict[str, Any]:
    """Any JSON value as a record with named columns."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {f"column_{number}": each for number, each in enumerate(value, start=1)}
    return {"value": value}
