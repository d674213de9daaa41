"""Delimited text: real quoting, other delimiters, and every way in which a record can be broken."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from narrowcast.connectors.csv_file import CsvConnector
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError, NarrowcastError, UsageError


def read(path: Path, content: str | bytes, options: str = "") -> tuple[CsvConnector, list[SourceRow]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    connector = CsvConnector(f"{path}{options}")
    return connector, list(connector.load())


def test_a_quoted_field_may_hold_delimiters_newlines_and_quotes(tmp_path: Path) -> None:
    content = 'text,label\n"one, two\nthree ""four""",a\n  padded  ,b\n'
    connector, rows = read(tmp_path / "x.csv", content)
    assert [row.data for row in rows] == [
        {"text": 'one, two\nthree "four"', "label": "a"},
        {"text": "  padded  ", "label": "b"},
    ]
    description = connector.describe()
    assert (description.delimiter, description.header, description.columns) == (
        "comma",
        True,
        ["text", "label"],
    )


@pytest.mark.parametrize(("delimiter", "name"), [("\t", "tab"), (";", "semicolon"), ("|", "vertical bar")])
def test_other_delimiters_are_found_and_said(tmp_path: Path, delimiter: str, name: str) -> None:
    lines = [["text", "label"], ["a, b and c", "x"], ["d, e", "y"], ["f", "x"]]
    connector, rows = read(tmp_path / "x.txt", "\n".join(delimiter.join(line) for line in lines) + "\n")
    assert connector.describe().delimiter == name
    assert rows[0].data == {"text": "a, b and c", "label": "x"}


def test_quotes_that_do_not_quote_are_ordinary_characters(tmp_path: Path) -> None:
    content = "text\tlabel\n" + '"quoted at the start only\ta\n5" wide\tb\nplain\ta\n' * 3
    connector, rows = read(tmp_path / "x.tsv", content)
    assert not any(row.error for row in rows)
    assert rows[0].data["text"] == '"quoted at the start only'
    assert any("ordinary characters" in note for note in connector.describe().notes)


def test_ragged_records_are_sentinels_with_their_text(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "x.csv", "text,label\ngood,a\nonly one\nthree,of,them\ngood,b\n")
    assert [row.error for row in rows] == [
        None,
        "1 fields where 2 are expected",
        "3 fields where 2 are expected",
        None,
    ]
    assert rows[2].raw == "three,of,them"
    assert [row.index for row in rows] == [0, 1, 2, 3]


def test_one_stray_quote_costs_one_line(tmp_path: Path) -> None:
    lines = [f"text number {n},label" for n in range(500)]
    lines[100] = '"never closed,label'
    _, rows = read(tmp_path / "x.csv", "text,label\n" + "\n".join(lines) + "\n")
    assert [row.index for row in rows if row.error] == [100]
    assert rows[100].raw == '"never closed,label'
    assert rows[101].data["text"] == "text number 101"
    assert len(rows) == 500


def test_one_undecodable_line_among_thousands_costs_one_row(tmp_path: Path) -> None:
    lines = [b"text %d,label" % n for n in range(3_000)]
    lines[1_234] = b"caf\xe9 \xff,label"
    connector, rows = read(tmp_path / "x.csv", b"text,label\n" + b"\n".join(lines) + b"\n")
    bad = [row for row in rows if row.error]
    assert [row.index for row in bad] == [1_234]
    assert bad[0].error is not None
    assert "utf-8" in bad[0].error
    assert bad[0].raw == r"caf\xe9 \xff,label"
    assert len(rows) == 3_000
    assert any("bytes in 2 places" in note for note in connector.describe().notes)


def test_a_latin1_file_is_recognised_as_such(tmp_path: Path) -> None:
    content = "texte;étiquette\ndéjà vu à Orléans;été\nça alors, garçon;été\n".encode("latin-1") * 1
    connector, rows = read(tmp_path / "x.csv", content)
    assert connector.describe().encoding == "cp1252"
    assert rows[0].data == {"texte": "déjà vu à Orléans", "étiquette": "été"}


def test_nul_bytes_are_named(tmp_path: Path) -> None:
    lines = [f"text {n},label" for n in range(200)]
    lines[3] = "te\x00xt,label"
    _, rows = read(tmp_path / "x.csv", "text,label\n" + "\n".join(lines) + "\n")
    assert [(row.index, row.error) for row in rows if row.error] == [(3, "the record contains NUL bytes")]


def test_a_file_without_a_header_keeps_its_first_record(tmp_path: Path) -> None:
    connector, rows = read(tmp_path / "x.csv", "I like it,good\nI hate it,bad\nNice,good\nAwful,bad\n")
    assert connector.describe().header is False
    assert rows[0].data == {"column_1": "I like it", "column_2": "good"}
    _, rows = read(tmp_path / "x.csv", "I like it,good\nI hate it,bad\nNice,good\n", "?header=yes")
    assert rows[0].data == {"I like it": "I hate it", "good": "bad"}


def test_header_names_are_stripped_numbered_and_made_unique(tmp_path: Path) -> None:
    connector, rows = read(tmp_path / "x.csv", ", text ,label,label\n1, a ,b,c\n2, d ,e,f\n", "?header=yes")
    assert list(rows[0].data) == ["column_1", "text", "label", "label_2"]
    assert rows[0].data["text"] == " a "
    assert len(connector.describe().notes) >= 3


def test_one_column_is_a_table_too(tmp_path: Path) -> None:
    connector, rows = read(
        tmp_path / "x.csv", "text\nfirst line here\nsecond line, with a comma\n", "?header=yes"
    )
    assert connector.describe().delimiter == "none (one column)"
    assert rows[1].data == {"text": "second line, with a comma"}


def test_bare_carriage_returns_and_byte_order_marks(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "x.csv", b"text,label\rfirst,a\rsecond,b\r")
    assert [row.data["text"] for row in rows] == ["first", "second"]
    _, rows = read(tmp_path / "x.csv", b"\xef\xbb\xbftext,label\r\nfirst,a\r\nsecond,b\r\n")
    assert rows[0].data == {"text": "first", "label": "a"}
    _, rows = read(tmp_path / "x.csv", "text,label\r\nérste,a\r\nzweite,b\r\n".encode("utf-16"))
    assert rows[0].data == {"text": "érste", "label": "a"}


def test_a_very_long_field_is_read(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "x.csv", f'text,label\n"{"long " * 100_000}",a\nshort,b\n')
    assert len(rows[0].data["text"]) == 500_000


def test_options_overrule_what_would_be_found(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "x.csv", "a;b,c\nd;e,f\n", "?delimiter=;&header=no")
    assert rows[0].data == {"column_1": "a", "column_2": "b,c"}
    with pytest.raises(UsageError, match="unknown option: sep"):
        CsvConnector(f"{tmp_path / 'x.csv'}?sep=;")
    with pytest.raises(DataError, match="no encoding called 'klingon'"):
        CsvConnector(f"{tmp_path / 'x.csv'}?encoding=klingon")
    with pytest.raises(NarrowcastError, match="cannot be a delimiter"):
        CsvConnector(f"{tmp_path / 'x.csv'}?delimiter=ab")


def test_a_header_alone_is_a_source_without_rows(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "x.csv", "text,label\n")
    assert rows == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from("ab,;\t \r\x00\x1f\u2028é"), max_size=6), max_size=8))
@example(["a,b\r", "a,b\r\r", "\r", "", " ", "a\rb,c", ",", "a,\x00"])
def test_lines_without_quotes_are_split_as_the_csv_module_splits_them(
    tmp_path: Path, lines: list[str]
) -> None:
    content = "\n".join(["text,label", *["some text,label"] * 40, *lines]) + "\n"
    _, rows = read(tmp_path / "x.csv", content, "?delimiter=,&header=yes&encoding=utf-8")
    expected: list[list[str] | None] = []
    for line in lines:
        try:
            record = next(csv.reader([f"{line}\n"], strict=True))
        except csv.Error:
            record = [""]
        if record:
            fits = len(record) >= 2 and not any(record[2:]) and "\x00" not in line
            expected.append(record[:2] if fits else None)
    assert [None if row.error else list(row.data.values()) for row in rows[40:]] == expected


@pytest.mark.parametrize(
    ("header", "end"), [("text,label", ","), ("text,label,,", ""), ("text,label,,,", "")]
)
def test_empty_cells_beyond_the_columns_are_not_read(tmp_path: Path, header: str, end: str) -> None:
    rows = [(f"the parcel {n} is late", "ab"[n % 2]) for n in range(30)]
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{line}\n" for line in [header, *(f"{a},{b}{end}" for a, b in rows)]))
    found = list(CsvConnector(str(path)).load())
    assert [row.data for row in found] == [{"text": text, "label": label} for text, label in rows]
    path.write_text(path.read_text() + "one more,a,b,c,d\n")
    [*_, last] = CsvConnector(str(path)).load()
    assert last.error == "5 fields where 2 are expected"
