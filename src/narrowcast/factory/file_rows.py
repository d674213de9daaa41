"""Rows that were written elsewhere, as a generation of their own, so that the gates see them too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.factory.answers import parse_json
from narrowcast.factory.candidate import Candidate, Origin, write_candidates
from narrowcast.factory.generation import GenerationPaths, GenerationRecord
from narrowcast.store.files import sha256_file, write_text

_ORIGIN = "_origin"  # of a row, as `Origin`; taken out before the row is looked at
_LONGEST_LINE = 4 << 20  # bytes


def store_file(project: ProjectPaths, path: Path) -> str:
    """Store a JSONL file under `data/generated` and return its generation's id.

    A line that is no JSON becomes a row with an error, for the first gate to turn away.

    Raises:
        DataError: where the file can not be read.
    """
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise DataError(
            f"the rows can not be read: {error.strerror}",
            where=str(path),
            next_command="narrowcast data gate --rows FILE.jsonl",
            reason_code="factory_rows_missing",
        ) from error
    name = f"gen-{digest[:8]}"
    paths = GenerationPaths(project, name)
    count, rows_sha256 = write_candidates(paths.rows, _rows(path))
    record = GenerationRecord(id=name, source="file", writer=path.name, rows=count, rows_sha256=rows_sha256)
    write_text(paths.record, record.model_dump_json(indent=2) + "\n")
    return name


def _rows(path: Path) -> Iterator[Candidate]:
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for index, line in enumerate(each for each in lines if each.strip()):
            yield _row(index, line, path.name)


def _row(index: int, line: bytes, writer: str) -> Candidate:
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    value, error = parse_json(text)
    origin = Origin(writer=writer)
    if error is not None:
        return Candidate(index, error=error, raw=text[:100_000], origin=origin)
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
        return Candidate(index, error="the row holds half a surrogate pair", raw=text, origin=origin)
    return Candidate(index, value, origin=origin)
