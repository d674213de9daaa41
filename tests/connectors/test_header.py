"""Where the column names are: below titles, beside empty cells, once more among the rows; csv and sheets."""

import time
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.file import FileConnector
from narrowcast.connectors.header import rejoined
from narrowcast.core.locator import Locator

KINDS = ("billing", "delivery", "other")
BODY = [[f"message about parcel {number}", KINDS[number % 3]] for number in range(45)]
ROWS = [{"text": text, "label": label} for text, label in BODY]

ABOVE: dict[str, list[list[str]]] = {
    "nothing": [],
    "a title": [["Tickets of May"]],
    "titles beside empty cells": [["Tickets of May", ""], ["made 2024-05-03", ""]],
    "a comment": [["# made by the desk"]],
}
HEADERS = {
    "plain": ["text", "label"],
    "padded": [" text ", "label\t"],
}


def written(path: Path, rows: list[list[Any]]) -> Path:
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(row)
        book.save(path)
    else:
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def read(path: Path, options: str = "") -> tuple[list[dict[str, Any] | str], list[str]]:
    connector = connect(Locator("file", f"{path}{options}"))
    return [row.error or row.data for row in connector.load()], connector.describe().notes


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("header", HEADERS)
def test_the_header_is_below_what_is_above_it(tmp_path: Path, suffix: str, above: str, header: str) -> None:
    path = written(tmp_path / f"x.{suffix}", [*ABOVE[above], HEADERS[header], *BODY])
    rows, notes = read(path)
    assert rows == ROWS
    count = len(ABOVE[above])
    assert any(f"{count} line" in note and "above the header" in note for note in notes) is bool(count)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_empty_and_repeated_cells_of_a_header(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"x.{suffix}", [["text", "label", "", ""], *([*row, "", ""] for row in BODY)])
    rows, _ = read(path)
    assert [{name: row[name] for name in ("text", "label")} for row in rows if isinstance(row, dict)] == ROWS
    path = written(
        tmp_path / f"y.{suffix}", [["", "text", "label", "label"], *([7, *row, "x"] for row in BODY)]
    )
    rows, _ = read(path)
    assert isinstance(rows[0], dict)
    assert list(rows[0]) == ["column_1", "text", "label", "label_2"]
    assert [rows[0]["text"], rows[0]["label"], rows[0]["label_2"]] == [*BODY[0], "x"]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("again", [["text", "label"], [" Text", "LABEL "]])
def test_the_header_once_more_is_a_named_rejection(tmp_path: Path, suffix: str, again: list[str]) -> None:
    path = written(tmp_path / f"x.{suffix}", [["text", "label"], *BODY[:20], again, *BODY[20:]])
    rows, _ = read(path)
    assert rows == [*ROWS[:20], "the header once more", *ROWS[20:]]


@pytest.mark.parametrize(("line", "delimiter"), [("sep=;", ";"), ("SEP=|", "|"), ('"sep=\t"', "\t")])
def test_a_line_that_names_the_delimiter(tmp_path: Path, line: str, delimiter: str) -> None:
    path = tmp_path / "x.csv"
    body = [["text", "label"], *BODY]
    path.write_text("\r\n".join([line, *(delimiter.join(row) for row in body)]) + "\r\n")
    rows, notes = read(path)
    assert rows == ROWS
    assert any("names the delimiter" in note for note in notes)


@pytest.mark.parametrize(
    "names", [["Anfrage", "Abteilung"], ["What was it that happened to the order of you?", "Of which kind?"]]
)
def test_names_that_are_not_usual_are_shown_by_the_rows_below(tmp_path: Path, names: list[str]) -> None:
    rows, _ = read(written(tmp_path / "x.csv", [names, *BODY]))
    assert rows == [dict(zip(names, row, strict=True)) for row in BODY]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_rows_without_a_header_are_all_kept(tmp_path: Path, suffix: str) -> None:
    rows, _ = read(written(tmp_path / f"x.{suffix}", BODY))
    assert rows == [dict(zip(("column_1", "column_2"), row, strict=True)) for row in BODY]
    rows, _ = read(tmp_path / f"x.{suffix}", "?header=yes")
    assert len(rows) == len(BODY) - 1


def test_a_header_with_more_cells_than_any_row_is_none(tmp_path: Path) -> None:
    rows, notes = read(
        written(tmp_path / "x.csv", [["Sex", "Weight lbs", "Sep"], *(["M", 150 + n] for n in range(9))])
    )
    assert rows[1] == {"column_1": "M", "column_2": "150"}
    assert "no header: the first record has more cells than any other" in notes


@pytest.mark.parametrize("option", ["", "?header=yes"])
def test_delimiters_between_brackets_belong_to_a_name(tmp_path: Path, option: str) -> None:
    body = "".join(f"M,{150 + n},{n}.5\n" for n in range(9))
    path = tmp_path / "x.csv"
    path.write_text(f"students of the first year\nSex,Weight(lbs,Sep),BMI [a, b (c, d)]\n{body}")
    connector = FileConnector(f"{path}{option}")
    rows = list(connector.load())
    assert connector.describe().columns == ["Sex", "Weight(lbs,Sep)", "BMI [a, b (c, d)]"]
    assert [row.error for row in rows] == [None] * 9
    assert rows[0].data == {"Sex": "M", "Weight(lbs,Sep)": "150", "BMI [a, b (c, d)]": "0.5"}
    assert "delimiters between brackets belong to the names in the header" in connector.describe().notes


def test_a_header_with_bracketed_delimiters_is_known_again_in_the_middle(tmp_path: Path) -> None:
    part = "Sex,Weight(lbs,Sep)\n" + "".join(f"M,{150 + n}\n" for n in range(9))
    (tmp_path / "x.csv").write_text(f"{part}{part}M,1,2\n")
    errors = [row.error for row in FileConnector(str(tmp_path / "x.csv")).load()]
    assert errors == [*[None] * 9, "the header once more", *[None] * 9, "3 fields where 2 are expected"]


@pytest.mark.parametrize("padded", [0, 30])
def test_white_space_around_quoted_fields_is_not_part_of_them(tmp_path: Path, padded: int) -> None:
    path = tmp_path / "x.csv"
    lines = ['"text" , "label (a, b)"  ', *(f'"late, {n}"  ,  "bad"  ' for n in range(padded)), "early,good"]
    path.write_text("\n".join([*lines, *["early,good"] * 9]) + "\n")
    rows = list(FileConnector(str(path)).load())
    late = [{"text": f"late, {n}", "label (a, b)": "bad"} for n in range(padded)]
    assert [row.data for row in rows] == [*late, *[{"text": "early", "label (a, b)": "good"}] * 10]


def test_names_lose_white_space_in_every_form(tmp_path: Path) -> None:
    import polars as pl

    expected = [{"text": " a ", "label": "b"}]
    (tmp_path / "x.jsonl").write_text('{" text": " a ", "label ": "b"}\n')
    (tmp_path / "x.json").write_text('[{"\\ttext": " a ", "label": "b"}]')
    pl.DataFrame({" text": [" a "], "label ": ["b"]}).write_parquet(tmp_path / "x.parquet")
    for name in ("x.jsonl", "x.json", "x.parquet"):
        assert read(tmp_path / name)[0] == expected
    (tmp_path / "y.jsonl").write_text('{"text": "a", " text": "b"}\n')
    assert read(tmp_path / "y.jsonl")[0] == [{"text": "a", " text": "b"}]


def test_a_sheet_keeps_numbers_and_dates_below_a_title(tmp_path: Path) -> None:
    body = [[f"message {n}", n, 1.5 * n, date(2024, 5, n + 1)] for n in range(4)]
    rows, _ = read(written(tmp_path / "x.xlsx", [["Tickets"], [], ["text", "number", "score", "day"], *body]))
    assert rows[1] == {"text": "message 1", "number": 1, "score": 1.5, "day": "2024-05-02"}


def test_a_first_line_of_very_many_cells_is_cut_in_linear_time() -> None:
    """An open bracket before 100,000 cells: with each cell the brackets of all before were counted anew."""
    began = time.process_time()
    records = [["(", *["a"] * 100_000], *[["a", "b"]] * 30]
    assert rejoined(records, ",") == records
    assert time.process_time() - began < 5
