"""`file:` finds the form by content; the other forms beside csv and jsonl."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.json_file import rows_of, split_of
from narrowcast.connectors.values import plain
from narrowcast.core.locator import Locator
from narrowcast.core.names import Split
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError


def read(path: Path) -> tuple[str, list[SourceRow]]:
    connector = connect(Locator("file", str(path)))
    return connector.describe().format, list(connector.load())


def test_jsonl_under_a_json_name(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"id": 1}\n{"id": 2}\n')
    assert read(tmp_path / "x.json") == ("jsonl", [SourceRow(0, {"id": 1}), SourceRow(1, {"id": 2})])


def test_a_json_document_of_one_line_is_not_jsonl(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"id": 1}, {"id": 2}]\n')
    kind, rows = read(tmp_path / "x.json")
    assert (kind, len(rows)) == ("json", 2)


def test_gzip_is_found_by_content(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"text,label\na b c,x\nd e f,y\n"))
    connector = connect(Locator("file", str(tmp_path / "x.csv.gz")))
    assert connector.describe().notes[0] == "gzip, found by its content"
    assert next(connector.load()).data == {"text": "a b c", "label": "x"}


def test_a_damaged_gzip_is_an_error_not_a_short_file(tmp_path: Path) -> None:
    import random

    text = "\n".join(f"text {random.random()},{n}" for n in range(200_000))
    data = gzip.compress(f"text,label\n{text}\n".encode())
    (tmp_path / "x.csv.gz").write_bytes(data[: len(data) // 2])
    connector = connect(Locator("file", str(tmp_path / "x.csv.gz")))
    with pytest.raises(DataError, match="gzip file is damaged"):
        list(connector.load())


def test_parquet_and_excel(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": ["a", None], "label": [1, 2], "score": [0.5, float("nan")]})
    frame.write_parquet(tmp_path / "x.parquet")
    kind, rows = read(tmp_path / "x.parquet")
    assert kind == "parquet"
    assert [row.data for row in rows] == [
        {"text": "a", "label": 1, "score": 0.5},
        {"text": None, "label": 2, "score": None},
    ]
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (["text", "label"], ["first one", "a"], ["second one", "b"]):
        sheet.append(line)
    book.save(tmp_path / "x.xlsx")
    kind, rows = read(tmp_path / "x.xlsx")
    assert (kind, rows[1].data) == ("xlsx", {"text": "second one", "label": "b"})


def test_class_numbers_of_parquet_files_get_their_names(tmp_path: Path) -> None:
    features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}}}
    frame = pl.DataFrame({"text": ["a", "b"], "label": [1, 0]})
    frame.write_parquet(tmp_path / "x.parquet", metadata={"huggingface": json.dumps(features)})
    _, rows = read(tmp_path / "x.parquet")
    assert [row.data["label"] for row in rows] == ["yes", "no"]


def test_a_truncated_parquet_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1" + b"junk" * 10)
    with pytest.raises(DataError, match="not a readable parquet file"):
        read(tmp_path / "x.parquet")


def test_conll_sentences(tmp_path: Path) -> None:
    (tmp_path / "x.conll").write_text("Ann\tB-per\nsings\tO\n\t\nIn\tO\nRome\tB-loc\n.\tO\n")
    kind, rows = read(tmp_path / "x.conll")
    assert kind == "conll"
    assert rows[0].data == {"tokens": ["Ann", "sings"], "tags": ["B-per", "O"]}
    assert rows[1].data["tokens"] == ["In", "Rome", "."]


def test_a_sentence_with_a_bad_line_is_one_sentinel(tmp_path: Path) -> None:
    sentence = "Ann\tB-per\nsings\tO\n\n"
    (tmp_path / "x.conll").write_text(sentence * 20 + "broken\n\n" + sentence * 20)
    _, rows = read(tmp_path / "x.conll")
    assert [(row.index, row.raw) for row in rows if row.error] == [(20, "broken")]
    assert len(rows) == 41


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ([["a", "x"], ["b", "y"]], [{"column_1": "a", "column_2": "x"}, {"column_1": "b", "column_2": "y"}]),
        ({"version": 1, "examples": [{"t": 1}]}, [{"t": 1}]),
        ({"train": [["a", "x"]], "val": []}, [{"column_1": "a", "column_2": "x", "split": "train"}]),
        (
            {"bank": ["pay"], "home": ["lock"]},
            [{"value": "pay", "key": "bank"}, {"value": "lock", "key": "home"}],
        ),
        ({"text": ["a", "b"], "label": [0, 1]}, [{"text": "a", "label": 0}, {"text": "b", "label": 1}]),
        ({"1": {"t": "a"}, "2": {"t": "b"}}, [{"key": "1", "t": "a"}, {"key": "2", "t": "b"}]),
        ({"t": "a", "n": 1}, [{"t": "a", "n": 1}]),
        (
            {"data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [{"question": "Q"}]}]}]},
            [{"title": "T", "context": "C", "question": "Q"}],
        ),
    ],
)
def test_shapes_of_json_documents(document: Any, rows: list[dict[str, Any]]) -> None:
    assert rows_of(document)[0] == rows


def test_names_of_splits() -> None:
    assert [split_of(name) for name in ("train", "oos_val", "test-2", "banking")] == [
        Split.TRAIN,
        Split.DEV,
        Split.TEST,
        None,
    ]


def test_a_broken_json_document_says_where(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[\n {"text": "a"},\n {"text": }\n]\n')
    with pytest.raises(DataError, match="line 3, column 11") as caught:
        read(tmp_path / "x.json")
    assert "jsonl:" in caught.value.next_command


def test_plain_values() -> None:
    import datetime as dt

    assert plain({"d": dt.date(2026, 1, 2), "l": [float("inf"), b"\xff"]}) == {
        "d": "2026-01-02",
        "l": [None, "\\xff"],
    }


@pytest.mark.parametrize("name", ["x.xlsx", "y.parquet"])
def test_files_that_only_begin_right_are_clear_errors(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((b"PK\x03\x04" if name == "x.xlsx" else b"PAR1") + b"junk" * 500)
    with pytest.raises(DataError, match="not a readable") as caught:
        read(tmp_path / name)
    assert caught.value.next_command


def test_a_parquet_file_of_several_slices_is_read_in_order(tmp_path: Path) -> None:
    pl.DataFrame({"n": range(40_000)}).write_parquet(tmp_path / "x.parquet", row_group_size=7_000)
    _, rows = read(tmp_path / "x.parquet")
    assert [row.data["n"] for row in rows] == list(range(40_000))
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    connector = connect(Locator("file", str(tmp_path / "x.parquet.gz")))
    assert sum(1 for _ in connector.load()) == 40_000


def test_named_lists_of_objects_beside_other_keys() -> None:
    rows, note = rows_of({"version": 1, "train": [{"t": "a"}], "test": [{"t": "b"}]})
    assert rows == [{"t": "a", "split": "train"}, {"t": "b", "split": "test"}]
    assert "train (1), test (1)" in note
