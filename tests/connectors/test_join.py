"""Two sources as one: rows of the first, columns of the second, nothing lost."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.connectors import connect, settle
from narrowcast.connectors.join import split_join
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project

pytestmark = pytest.mark.nightly


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def joined(folder: Path, left: list[Any], right: list[Any], column: str = "id") -> Any:
    one, other = write(folder / "l.jsonl", left), write(folder / "r.jsonl", right)
    return connect(Locator("join", f"jsonl:{one}+jsonl:{other}?on={column}"))


@pytest.mark.parametrize(
    ("rest", "left", "right", "column"),
    [
        ("file:a.json+file:b.json", "file:a.json", "file:b.json", "id"),
        ("csv:c++/a.csv?header=no+jsonl:b.jsonl?on=key", "csv:c++/a.csv?header=no", "jsonl:b.jsonl", "key"),
        (
            "sql:postgresql+psycopg://h?query=q+csv:b.csv",
            "sql:postgresql+psycopg://h?query=q",
            "csv:b.csv",
            "id",
        ),
    ],
)
def test_a_plus_before_a_known_scheme_divides(rest: str, left: str, right: str, column: str) -> None:
    assert [str(each) for each in split_join(rest)] == [left, right, column]


@pytest.mark.parametrize("rest", ["file:a.json", "file:a.json+b.json", "a+b?on=id"])
def test_a_locator_that_is_not_a_join_is_refused(rest: str) -> None:
    with pytest.raises(UsageError, match="two locators"):
        split_join(rest)


def test_columns_of_both_are_described(tmp_path: Path) -> None:
    source = joined(tmp_path, [{"id": 1, "q": "a"}], [{"id": 1, "a": "b"}])
    assert source.describe().columns == ["id", "q", "a"]
    assert [row.data for row in source.load()] == [{"id": 1, "q": "a", "a": "b"}]


def test_a_column_that_one_side_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'id' to join on"):
        joined(tmp_path, [{"id": 1}], [{"key": 1}]).describe()


def test_what_has_no_partner_is_kept_and_named(tmp_path: Path) -> None:
    left = [{"id": 1}, {"id": 2}, {"id": None}]
    right = [{"id": 1, "a": 1}, {"id": 1, "a": 2}, {"id": 3, "a": 3}, {"a": 4}]
    rows = list(joined(tmp_path, left, right).load())
    assert [row.index for row in rows] == [0, 1, 2, 3, 4]
    errors = [row.error or "" for row in rows]
    assert "more than once" in errors[0]
    assert errors[1:3] == ["", ""]
    assert "the row has no id" in errors[3]
    assert "no row of" in errors[4]


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
def test_every_row_of_both_sides_is_accounted_for(left: list[int], right: list[int]) -> None:
    import tempfile

    if not left or not right:
        return
    with tempfile.TemporaryDirectory() as folder:
        source = joined(Path(folder), [{"id": n, "q": n} for n in left], [{"id": n, "a": n} for n in right])
        rows = list(source.load())
    counts = Counter(right)
    good = [row for row in rows if row.error is None]
    assert [row.data["id"] for row in good] == [n for n in left if counts[n] < 2]
    assert all(("a" in row.data) == (counts[row.data["id"]] == 1) for row in good)
    assert len(rows) == len(left) + len(set(right) - set(left))


def test_a_join_in_the_project_file_is_read_from_the_project(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("q", "a"):
        write(project.paths.root / f"{name}.jsonl", [{"id": 1}])
    text = "join:jsonl:q.jsonl+jsonl:a.jsonl?on=id"
    monkeypatch.chdir(tmp_path)
    settled = settle(text, project.paths.root)
    assert (
        settled.recorded
        == str(settled.opened)
        == f"join:jsonl:{tmp_path}/q.jsonl+jsonl:{tmp_path}/a.jsonl?on=id"
    )
    settled = settle(text, project.paths.root, listed=True)
    assert settled.recorded == text
    assert len(list(connect(settled.opened).load())) == 1
