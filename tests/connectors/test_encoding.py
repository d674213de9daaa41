"""Encodings: found without being named, and said; a bad byte costs the row that it is in."""

import json
from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.csv_file import CsvConnector
from narrowcast.connectors.source import MAX_LINE_BYTES
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError

TEXTS = {
    "cp1251": "Где моя карта и когда она придёт",
    "koi8_r": "Где моя карта и когда она придёт",
    "euc_jp": "私のカードはいつ届きますか、教えてください",
    "gb18030": "我的卡什么时候到达呢",
    "big5": "我的卡片什麼時候到達呢",
    "euc_kr": "제 카드는 언제 도착하나요",
    "cp1252": "Où est ma carte; elle n’est pas arrivée – “déjà” payée 5 €",
    "cp1250": "Žluťoučký kůň příliš úpěl ďábelské ódy",
    "cp1253": "Πού είναι η κάρτα μου",
    "utf-8-sig": "Où est ma carte",
    "utf-16": "Où est ma carte",
    "utf-32": "Où est ma carte",
    "utf-16-le": "Where is my card",
}


@pytest.mark.parametrize("name", TEXTS)
def test_encodings_are_found_and_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    content = "text,label\n" + "".join(f"{TEXTS[name]} {number},a\n" for number in range(200))
    path.write_bytes(content.encode(name))
    connector = CsvConnector(str(path))
    assert next(connector.load()).data == {"text": f"{TEXTS[name]} 0", "label": "a"}
    description = connector.describe()
    assert description.encoding == name
    assert any(name in note for note in description.notes)


@pytest.mark.parametrize("name", ["cp1251", "koi8_r"])
def test_a_little_cyrillic_among_ascii_is_cyrillic(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    lines = "".join(f"order {number} is late, жду,{'ab'[number % 2]}\n" for number in range(60))
    path.write_bytes(f"текст;метка\n{lines.replace('late,', 'late').replace('жду,', 'жду;')}".encode(name))
    connector = CsvConnector(str(path))
    assert connector.describe().columns == ["текст", "метка"]
    assert next(connector.load()).data == {"текст": "order 0 is late жду", "метка": "a"}


def test_the_option_wins_over_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("text,label\nKartım nerede ığüş,a\nKartım yok,b\n".encode("cp1254"))
    connector = CsvConnector(f"{path}?encoding=cp1254")
    assert next(connector.load()).data["text"] == "Kartım nerede ığüş"
    assert "as the locator says" in connector.describe().notes[0]


GERMAN = [{"text": f"Müller wünscht größere Öfen {n}", "label": "ab"[n % 2]} for n in range(60)]
FORMS = {
    "list.json": lambda rows: json.dumps(rows, ensure_ascii=False),
    "laid out.json": lambda rows: json.dumps(rows, ensure_ascii=False, indent=1),
    "object.json": lambda rows: json.dumps({"examples": rows}, ensure_ascii=False),
    "behind each other.json": lambda rows: "".join(json.dumps(row, ensure_ascii=False) for row in rows),
    "lines.jsonl": lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
    "table.csv": lambda rows: "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows),
}


def read(path: Path, options: str = "") -> list[SourceRow]:
    return list(connect(Locator("file", f"{path}{options}")).load())


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("bad", [b"\xed", b"\xed\xa0\xbd\xed\xb8\x80", b"\xff\xfe"])
def test_a_bad_byte_costs_its_row_in_every_form(tmp_path: Path, name: str, bad: bytes) -> None:
    path = tmp_path / name
    content = FORMS[name](GERMAN).encode()
    place = content.index("Öfen 30".encode()) + len("Öfen".encode())
    path.write_bytes(content[:place] + bad + content[place:])
    rows = read(path)
    assert [row.index for row in rows if row.error] == [30]
    assert [row.data for row in rows if row.error is None] == GERMAN[:30] + GERMAN[31:]
    problem = rows[30].error
    assert problem is not None
    assert problem.startswith(f"invalid utf-8: byte 0x{bad[0]:02x}")
    if name not in ("object.json", "behind each other.json"):
        assert problem.endswith(f"at position {place:,} of the file")
    kept = read(path, "?errors=replace")
    assert kept[30].data["text"].startswith("Müller wünscht größere Öfen\ufffd")
    assert len(kept) == 60


def test_a_position_is_that_of_the_file_however_long_it_is(tmp_path: Path) -> None:
    rows = [{"text": "ü" * 1_000 + str(n)} for n in range(400)]
    content = b"\xef\xbb\xbf" + json.dumps(rows, ensure_ascii=False).encode()
    place = content.index(b"399")
    path = tmp_path / "x.json"
    path.write_bytes(content[:place] + b"\xed" + content[place:])
    assert read(path)[399].error == f"invalid utf-8: byte 0xed at position {place:,} of the file"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("long", [1, 200_000])
def test_a_position_in_a_long_file_of_lines(tmp_path: Path, mark: bytes, long: int) -> None:
    lines = [json.dumps({"text": "ü" * (n % 97), "n": n}, ensure_ascii=False).encode() for n in range(3_000)]
    lines[1_000] = json.dumps({"text": "x" * long}).encode()
    bad = {0, 999, 1_001, 1_002, 2_999}
    content, places = mark, []
    for number, line in enumerate(lines):
        if number in bad:
            places.append(len(content) + 10)
            line = line[:10] + b"\xed" + line[10:]
        content += line + b"\n"
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    rows = read(path, "?encoding=utf-8")
    assert [row.index for row in rows if row.error] == sorted(bad)
    assert [row.error for row in rows if row.error] == [
        f"invalid utf-8: byte 0xed at position {place:,} of the file" for place in places
    ]
    assert [row.data for row in rows if not row.error] == [
        json.loads(line) for number, line in enumerate(lines) if number not in bad
    ]
    assert len(read(path, "?errors=replace&encoding=utf-8")) == 3_000


def test_a_line_over_the_limit_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    good = b'{"text": "a"}\n'
    with path.open("wb") as file:
        file.write(good)
        file.write(b" " * (2 * MAX_LINE_BYTES + 5))
        file.write(b"1\n" + good + b"\xff\n")
    rows = read(path)
    assert [row.error for row in rows] == [
        None,
        "the line is longer than 64 MiB",
        None,
        f"invalid utf-8: byte 0xff at position {path.stat().st_size - 2:,} of the file",
    ]


def test_two_encodings_in_one_file_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [
        f"{row['text']},{row['label']}\n".encode("utf-8" if n % 2 else "latin-1")
        for n, row in enumerate(GERMAN)
    ]
    path.write_bytes(b"text,label\n" + b"".join(lines))
    with pytest.raises(DataError, match="two encodings seem to be mixed") as caught:
        read(path)
    assert "?encoding=utf-8" in caught.value.next_command
    rows = read(path, "?encoding=utf-8")
    assert [row.data for row in rows if row.error is None] == GERMAN[1::2]


def test_a_document_in_another_encoding_is_read_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(json.dumps(GERMAN, ensure_ascii=False).encode("cp1252"))
    assert [row.data for row in read(path)] == GERMAN


def test_an_unknown_way_with_bad_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\na,b\n")
    with pytest.raises(DataError, match="'ignore' is not replace or reject"):
        read(path, "?errors=ignore")
