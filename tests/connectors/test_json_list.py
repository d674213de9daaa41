"""JSON lists as streams, repeated keys, and sheets of workbooks."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.connectors import connect
from narrowcast.connectors.json_list import BrokenListError, ListReader
from narrowcast.connectors.json_values import as_record
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


class Trickle(io.StringIO):
    """Gives a few characters at a time, so that every value is cut somewhere."""

    def read(self, size: int | None = -1) -> str:
        return super().read(min(size or 7, 7))


@settings(max_examples=150)
@given(values=st.lists(VALUES, max_size=8), indent=st.sampled_from([None, 0, 2]))
def test_a_list_in_small_pieces_is_what_it_is_as_a_whole(values: list[Any], indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    rows = list(ListReader(Trickle(text)).rows())
    assert [row.data for row in rows] == [as_record(value) for value in values]
    assert [row.index for row in rows] == list(range(len(values)))


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ('[1,\n 2,\n {"a": }]', 3, 8, "Expecting value"),
        ("[1, 2", 1, 6, "expecting"),
        ("[1 2]", 1, 4, "expecting"),
        ('[1]\n{"a": 1}', 2, 1, "follows the list"),
        ("[1,]", 1, 4, "Expecting value"),
    ],
)
def test_where_a_list_breaks(text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(BrokenListError, match=what) as caught:
        list(ListReader(Trickle(text)).rows())
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_large_list_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("w") as file:
        file.write("[")
        file.write(",\n".join(json.dumps({"text": f"text {n} " * 20, "n": n}) for n in range(20_000)))
        file.write("]")
    connector = connect(Locator("file", str(path)))
    tracemalloc.start()
    assert connector.describe().columns == ["text", "n"]
    assert sum(1 for _ in connector.load()) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 3_000_000
    assert peak < 1_500_000


def test_a_repeated_key_is_a_named_rejection(tmp_path: Path) -> None:
    line = '{"text": "a", "label": "x"}'
    twice = '{"text": "a", "more": {"b": 1, "b": 2}}'
    (tmp_path / "x.jsonl").write_text(f"{line}\n{twice}\n{line}\n")
    (tmp_path / "x.json").write_text(f"[{line},\n{twice}, {line}]")
    for name in ("x.jsonl", "x.json"):
        rows = list(connect(Locator("file", str(tmp_path / name))).load())
        assert [row.error for row in rows] == [None, "the key 'b' occurs twice in one object", None]
        assert rows[1].raw == twice
    (tmp_path / "y.json").write_text('{"train": [["a", "x"]], "train": [["b", "y"]]}')
    with pytest.raises(DataError, match="'train' occurs twice"):
        list(connect(Locator("file", str(tmp_path / "y.json"))).load())


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("form", ["[{rows}]", '{{"version": 1, "data": [{rows}]}}'])
def test_nan_and_infinities_are_null(tmp_path: Path, constant: str, form: str) -> None:
    rows = [f'{{"text": "a {n}", "score": {constant if n == 3 else n}}}' for n in range(6)]
    path = tmp_path / "x.json"
    path.write_text(form.format(rows=", ".join(rows)))
    source = connect(Locator("file", str(path)))
    assert [(row.error, row.data["score"]) for row in source.load()] == [
        (None, None if n == 3 else n) for n in range(6)
    ]
    assert "NaN and infinities are read as null" in source.describe().notes
    path.with_suffix(".jsonl").write_text("\n".join(rows))
    lines = connect(Locator("jsonl", str(path.with_suffix(".jsonl"))))
    assert [row.data["score"] for row in lines.load()] == [0, 1, 2, None, 4, 5]
    assert "NaN and infinities are read as null" in lines.describe().notes


def test_half_a_surrogate_pair_costs_its_row_in_a_document(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"data": [{"text": "\\u00fc"}, {"text": "\\ud83d"}, {"text": "\\ud83d\\ude00"}]}')
    found = list(connect(Locator("file", str(path))).load())
    assert [row.error for row in found] == [None, "a \\u escape is half a surrogate pair", None]
    assert [row.data for row in found] == [{"text": "ü"}, {}, {"text": "😀"}]


@pytest.mark.parametrize("indent", [None, 2])
def test_objects_one_behind_the_other(tmp_path: Path, indent: int | None) -> None:
    values = [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(5)]
    path = tmp_path / "x.jsonl"
    path.write_text(
        "\n".join(json.dumps(value, indent=indent) for value in values)
        if indent
        else "".join(map(json.dumps, values))
    )
    assert [row.data for row in connect(Locator("file", str(path))).load()] == values
    path.write_text(json.dumps(values[0], indent=2) + " and more")
    with pytest.raises(DataError, match="Extra data"):
        list(connect(Locator("file", str(path))).load())


def test_sheets_are_chosen_and_the_others_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Notes"
    first.append(["note"])
    first.append(["n/a"])
    second = book.create_sheet("Data 2")
    for line in (["text", "label"], ["one", "a"], ["two", "b"]):
        second.append(line)
    book.create_sheet("Empty")
    path = tmp_path / "x.xlsx"
    book.save(path)
    connector = connect(Locator("file", f"{path}?sheet=Data 2"))
    assert [row.data for row in connector.load()] == [
        {"text": "one", "label": "a"},
        {"text": "two", "label": "b"},
    ]
    assert any("not read: the sheets 'Notes', 'Empty'" in note for note in connector.describe().notes)
    assert connect(Locator("file", str(path))).describe().columns == ["note"]
    with pytest.raises(DataError, match="no sheet 'x'") as caught:
        connect(Locator("file", f"{path}?sheet=x"))
    assert "Notes, Data 2, Empty" in caught.value.next_command
    with pytest.raises(DataError, match="'Empty' has no rows"):
        connect(Locator("file", f"{path}?sheet=Empty"))


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": 1}]')
    with pytest.raises(UsageError, match="unknown option: sheet"):
        connect(Locator("file", f"{tmp_path / 'x.json'}?sheet=1"))
