"""Quotes that open a field and do not close it: they cost their own line, and never hide others."""

from pathlib import Path

import pytest

from narrowcast.connectors.csv_file import CsvConnector
from narrowcast.core.row import SourceRow

LABELS = ("neg", "pos", "mixed")


def lines(delimiter: str = ",", count: int = 60) -> list[str]:
    return [f"plain message {number}{delimiter}{LABELS[number % 3]}" for number in range(count)]


def read(path: Path, content: str) -> tuple[list[SourceRow], list[str]]:
    path.write_text(content, encoding="utf-8")
    connector = CsvConnector(str(path))
    return list(connector.load()), connector.describe().notes


def texts(rows: list[SourceRow]) -> list[str]:
    return [row.data["text"] for row in rows if row.error is None]


@pytest.mark.parametrize(("first", "last"), [(10, 40), (10, 12), (10, 11), (0, 59)])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_pair_of_stray_quotes_hides_no_row(tmp_path: Path, first: int, last: int, delimiter: str) -> None:
    body = lines(delimiter)
    body[first] = f'"I never said{delimiter}neg'
    body[last] = f'he said so"{delimiter}pos'
    rows, notes = read(tmp_path / "x.csv", "\n".join([f"text{delimiter}label", *body]) + "\n")
    assert [row.index for row in rows if row.error] == [first]
    assert rows[first].raw == body[first]
    assert texts(rows) == [line.rpartition(delimiter)[0] for n, line in enumerate(body) if n != first]
    assert "1 quote of the sample open a field and do not close it; each costs its line" in notes


def test_a_stray_quote_behind_the_sample_is_doubted_as_well(tmp_path: Path) -> None:
    body = lines(count=60_000)
    body[50_000], body[50_020] = '"never said,neg', 'he said so",pos'
    rows, _ = read(tmp_path / "x.csv", "text,label\n" + "\n".join(body) + "\n")
    assert [row.index for row in rows if row.error] == [50_000]
    assert len(rows) == 60_000


def test_a_stray_quote_beside_proper_ones(tmp_path: Path) -> None:
    body = [f'"one, {number} ""quoted""",{LABELS[number % 3]}' for number in range(60)]
    body[7] = '"open, and not closed,neg'
    rows, _ = read(tmp_path / "x.csv", "text,label\n" + "\n".join(body) + "\n")
    assert [row.index for row in rows if row.error] == [7]
    assert texts(rows) == [f'one, {number} "quoted"' for number in range(60) if number != 7]


def test_where_no_quote_quotes_they_are_ordinary_characters(tmp_path: Path) -> None:
    sentence = ["{n}-1\t0-5\tword{n}\tO", '{n}-2\t5-6\t"\tO', "{n}-3\t6-9\tlast\tB-per", ""]
    content = "".join("\n".join(sentence).format(n=n) + "\n" for n in range(30))
    rows, notes = read(tmp_path / "x.tsv", content)
    assert not any(row.error for row in rows)
    assert [row.data["column_3"] for row in rows[:3]] == ["word0", '"', "last"]
    assert len(rows) == 90
    assert any("ordinary characters" in note for note in notes)


@pytest.mark.parametrize(
    "text",
    [
        "one,\ntwo, three\nneg, they said",  # each line has as many commas as a record
        "a, b\nc, d",
        "first\n\nthird, and last",
        'with ""quotes""\nand a line',
    ],
)
@pytest.mark.parametrize("label_first", [False, True])
def test_texts_of_several_lines_stay_whole(tmp_path: Path, text: str, label_first: bool) -> None:
    names = "label,text" if label_first else "text,label"
    body = [f'neg,"{text} {n}"' if label_first else f'"{text} {n}",neg' for n in range(40)]
    rows, notes = read(tmp_path / "x.csv", "\n".join([names, *lines_of(body, label_first)]) + "\n")
    assert not any(row.error for row in rows)
    assert texts(rows)[0] == text.replace('""', '"') + " 0"
    longest = text.count("\n") + 1
    assert f"records may have several lines; the longest, at line 2, has {longest}" in notes


def lines_of(body: list[str], label_first: bool) -> list[str]:
    single = [f"pos,short {n}" if label_first else f"short {n},pos" for n in range(40)]
    return [*body, *single]


def test_quotes_that_are_escaped_by_a_backslash(tmp_path: Path) -> None:
    body = [f'"She said \\"no, thanks\\" to C:\\new {n}",{LABELS[n % 3]}' for n in range(30)]
    body[3] = '"ends in a backslash, really\\\\",pos'
    rows, notes = read(tmp_path / "x.csv", "text,label\n" + "\n".join(body) + "\n")
    assert not any(row.error for row in rows)
    assert rows[0].data == {"text": 'She said "no, thanks" to C:\\new 0', "label": "neg"}
    assert rows[3].data == {"text": "ends in a backslash, really\\\\", "label": "pos"}
    assert r"quotes inside quoted fields are written \"" in notes
