"""Tables as spreadsheets, pandas and people leave them: what is a header, a value, a missing one."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.row import SourceRow
from narrowcast.core.work import Work
from narrowcast.store.source_rows import read_source_rows, write_source_rows

LABELS = ("late", "rude", "fine")


def rows(path: Path, content: str) -> list[SourceRow]:
    path.write_text(content, encoding="utf-8")
    return list(connect(Locator("file", str(path))).load())


def body(delimiter: str = ",") -> str:
    return "".join(f"the kettle {n} came{delimiter}{LABELS[n % 3]}\n" for n in range(30))


WANTED = [{"text": f"the kettle {n} came", "label": LABELS[n % 3]} for n in range(30)]


@pytest.mark.parametrize(
    ("head", "left_out"),
    [
        ("text,label\n(string),(class)\n", 1),
        ("text,label\nstring,category\n", 1),
        ("Ticket,Ticket\ntext,label\n", 0),
        (",Result\ntext,label\n", 0),
    ],
)
def test_rows_about_columns_are_no_data(tmp_path: Path, head: str, left_out: int) -> None:
    read = rows(tmp_path / "x.csv", head + body())
    assert [row.data for row in read if row.error is None] == WANTED
    assert [row.error for row in read if row.error] == ["units, types or a rule below the header"] * left_out


def test_values_in_brackets_are_no_units(tmp_path: Path) -> None:
    content = "text,label\n" + "".join(f"(kettle {n}),[{LABELS[n % 3]}]\n" for n in range(30))
    assert len([row for row in rows(tmp_path / "x.csv", content) if row.error is None]) == 30


def test_columns_that_pandas_has_counted(tmp_path: Path) -> None:
    read = rows(tmp_path / "x.csv", "0,1\n" + body())
    assert [list(row.data.values()) for row in read] == [list(each.values()) for each in WANTED]
    assert list(read[0].data) == ["0", "1"]


def test_a_table_in_markdown(tmp_path: Path) -> None:
    lines = "".join(f"| the kettle {n} came | {LABELS[n % 3]} |\n" for n in range(30))
    read = [
        row.data
        for row in rows(tmp_path / "x.csv", f"| text | label |\n| --- | :-- |\n{lines}")
        if not row.error
    ]
    assert [{name: each[name] for name in ("text", "label")} for each in read] == WANTED


def test_a_space_behind_the_delimiter_is_not_in_the_field(tmp_path: Path) -> None:
    content = "text, label\n" + "".join(f'"the kettle, {n}", "{LABELS[n % 3]}"\n' for n in range(30))
    read = rows(tmp_path / "x.csv", content + "plain, late\n")
    assert read[0].data == {"text": "the kettle, 0", "label": "late"}
    assert read[-1].data == {"text": "plain", "label": "late"}


def test_commas_in_texts_are_not_the_delimiter_of_a_header_without_any(tmp_path: Path) -> None:
    content = "text|label\n" + "".join(f"yes, the kettle {n}, it came|{LABELS[n % 3]}\n" for n in range(30))
    assert rows(tmp_path / "x.txt", content)[0].data == {
        "text": "yes, the kettle 0, it came",
        "label": "late",
    }


@pytest.mark.parametrize("word", ["NaN", "nan", "<NA>", "NULL", "null", "\\N"])
def test_a_word_for_a_missing_value_is_empty_and_in_quotes_a_value(tmp_path: Path, word: str) -> None:
    read = rows(tmp_path / "x.csv", f'text,label\nfirst,{word}\nsecond,"{word}"\n"th, ird",{word}\n' + body())
    assert [row.data["label"] for row in read[:3]] == ["", word, ""]
    text = "".join(json.dumps({"text": "x", "label": word}) + "\n" for _ in range(3))
    assert rows(tmp_path / "x.jsonl", text)[0].data["label"] == word


def test_none_and_na_are_values(tmp_path: Path) -> None:
    read = rows(tmp_path / "x.csv", "text,label\nfirst,None\nsecond,NA\n" + body())
    assert [row.data["label"] for row in read[:2]] == ["None", "NA"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_number_too_large_for_a_float_is_null(tmp_path: Path, name: str) -> None:
    first = '{"text": "a", "n": 1e400, "m": [-1e999, 1.5]}'
    content = f'[{first}, {{"n": 2}}]' if name == "x.json" else f'{first}\n{{"n": 2}}\n'
    stored = tmp_path / "raw.jsonl"
    write_source_rows(rows(tmp_path / name, content), stored, Work(NullProgress(), CancelToken()))
    assert [row.data for row in read_source_rows(stored)] == [
        {"text": "a", "n": None, "m": [None, 1.5]},
        {"n": 2},
    ]


def test_the_answer_of_a_data_set_server(tmp_path: Path) -> None:
    features: list[dict[str, Any]] = [
        {"feature_idx": 0, "name": "text", "type": {"dtype": "string", "_type": "Value"}},
        {"feature_idx": 1, "name": "label", "type": {"names": ["neg", "pos"], "_type": "ClassLabel"}},
    ]
    served = [
        {"row_idx": n, "row": {"text": f"text {n}", "label": n % 2}, "truncated_cells": ["text"] * (n == 1)}
        for n in range(4)
    ]
    value = {"features": features, "rows": served, "num_rows_total": 9, "partial": False}
    read = rows(tmp_path / "x.json", json.dumps(value))
    assert [list(row.data.values()) for row in read] == [
        ["text 0", "neg"], [None, "pos"], ["text 2", "neg"], ["text 3", "pos"],
    ]  # fmt: skip
    notes = " ".join(connect(Locator("file", str(tmp_path / "x.json"))).describe().notes)
    assert "of 9 in all" in notes
    assert "null in 1 rows" in notes


def test_the_language_before_each_token_is_not_in_it(tmp_path: Path) -> None:
    read = rows(tmp_path / "x.txt", "en:Ann\tB-PER\nen:rang\tO\n\n" * 20)
    assert read[0].data == {"tokens": ["Ann", "rang"], "tags": ["B-PER", "O"]}


@pytest.mark.parametrize(
    "value",
    [
        {"features": [{"name": ["a"]}], "rows": [{"row": {"a": "x"}}]},
        {"features": [{"name": "a"}], "rows": [{"row": {"a": "x"}, "truncated_cells": 3}]},
        {"features": [{"name": "a"}], "rows": [{"row": {"a": "x"}, "truncated_cells": [["a"]]}]},
        {
            "features": [{"name": "a", "type": {"_type": "ClassLabel", "names": 2}}],
            "rows": [{"row": {"a": "x"}}],
        },
    ],
)
def test_an_answer_of_a_server_with_odd_descriptions(tmp_path: Path, value: Any) -> None:
    assert [row.data for row in rows(tmp_path / "x.json", json.dumps(value))] == [{"a": "x"}]
