import random
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.progress import CancelToken
from narrowcast.errors import CancelledError, DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.accepted_rows import AcceptedRows
from narrowcast.store.imports import read_records
from tests.stages.prepare.conftest import commit_rows


def stored(project: Project) -> list[Example]:
    """Rows of two imports, of all lengths."""
    rows = [
        Example({"text": "é" * (n % 7) + f"row {n}\n\u2028" * (n % 50)}, {"n": n}, "ab"[n // 300], n % 300)
        for n in range(400)
    ]
    for name in "ab":
        commit_rows(project, [row for row in rows if row.source == name], name=name, labels=("x", "y"))
    return rows


def test_rows_can_be_read_again_by_their_numbers(project: Project) -> None:
    rows = stored(project)
    with AcceptedRows(project.paths, read_records(project.paths)) as accepted:
        assert list(accepted) == rows
        assert len(accepted) == len(rows)
        for path in project.paths.accepted.iterdir():  # the rows stay those that were checked
            path.with_suffix(".new").write_bytes(b"other rows\n")
            path.with_suffix(".new").replace(path)
        numbers = random.Random(2).sample(range(len(rows)), len(rows))
        assert [accepted.again(number) for number in numbers] == [rows[number] for number in numbers]


def test_a_changed_file_is_refused(project: Project) -> None:
    stored(project)
    path = project.paths.accepted / "b.jsonl"
    path.write_bytes(path.read_bytes().replace(b"row", b"raw"))
    with (
        AcceptedRows(project.paths, read_records(project.paths)) as accepted,
        pytest.raises(DataError, match="were changed"),
    ):
        list(accepted)


def test_reading_stops_on_request(project: Project) -> None:
    stored(project)
    token = CancelToken()
    with AcceptedRows(project.paths, read_records(project.paths), token) as accepted:
        rows = iter(accepted)
        next(rows)
        token.cancel()
        with pytest.raises(CancelledError):
            list(rows)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_many_imports_leave_few_files_open(project: Project) -> None:
    rows = [Example({"text": f"row {n}"}, "x", f"i{n:03}", 0) for n in range(100)]
    for row in rows:
        commit_rows(project, [row], name=row.source, labels=("x", "y"))
    records = read_records(project.paths)
    before = open_files()
    with AcceptedRows(project.paths, records) as accepted:
        assert list(accepted) == rows
        assert open_files() - before <= 64
        numbers = random.Random(2).sample(range(100), 100)
        assert [accepted.again(number) for number in numbers] == [rows[number] for number in numbers]
        for path in project.paths.accepted.iterdir():
            path.with_suffix(".new").write_bytes(path.read_bytes().replace(b"row", b"raw"))
            path.with_suffix(".new").replace(path)
        with pytest.raises(DataError, match="were changed"):
            [accepted.again(number) for number in range(100)]
    assert open_files() == before
