"""Rows of a JSONL file that were written elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from narrowcast.core.generation import GeneratedRow, Origin
from narrowcast.factory.answers import parse_json

_ORIGIN = "_origin"  # of a row, as `Origin`; taken out before the gates see the row
_LONGEST_LINE = 4 << 20  # bytes


def read_file(path: Path) -> Iterator[GeneratedRow]:
    """A row for each line that is not empty; a line that is not JSON becomes a row with an error."""
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for index, line in enumerate(each for each in lines if each.strip()):
            yield _row(index, line, path.name)


def _row(index: int, line: bytes, writer: str) -> GeneratedRow:
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    value, error = parse_json(text)
    origin = Origin(writer=writer)
    if error is not None:
        return GeneratedRow(index, error=error, raw=text[:100_000], origin=origin)
    if isinstance(value, dict) and isinstance(value.get(_ORIGIN), dict):
        given = value.pop(_ORIGIN)
        known = {
            name: each for name, each in given.items() if name in {"category", "difficulty", "edge_case"}
        }
        origin = Origin.model_validate(
            {**{name: str(each) for name, each in known.items()}, "writer": writer}
        )
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        error = "the row contains half of a surrogate pair"
        return GeneratedRow(index, error=error, raw=text, origin=origin)
    return GeneratedRow(index, value, origin=origin)
