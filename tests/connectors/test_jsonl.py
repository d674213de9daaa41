"""One JSON value a line."""

from pathlib import Path

import pytest

from narrowcast.connectors.jsonl import JsonlConnector
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError


def read(path: Path, content: bytes) -> list[SourceRow]:
    path.write_bytes(content)
    return list(JsonlConnector(str(path)).load())


def test_objects_arrays_and_values_become_records(tmp_path: Path) -> None:
    rows = read(tmp_path / "x.jsonl", b'{"text": " a "}\r\n\n["b", "label"]\n"c"\n7\n')
    assert [row.data for row in rows] == [
        {"text": " a "},
        {"column_1": "b", "column_2": "label"},
        {"value": "c"},
        {"value": 7},
    ]
    assert [row.index for row in rows] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "not JSON"),
        (b'{"text": "a"} {"text": "b"}', "something follows"),
        (b'{"text": "\xff"}', "invalid utf-8: byte 0xff"),
        (b'{"text": "\\ud800"}', "half a surrogate pair"),
        (b'{"text": "a\x00b"}', "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"n": ' + b"9" * 5_000 + b"}", "digits"),
    ],
)
def test_a_bad_line_is_a_sentinel_and_reading_continues(tmp_path: Path, line: bytes, reason: str) -> None:
    good = b'{"text": "a"}\n' * 300
    rows = read(tmp_path / "x.jsonl", good + line + b"\n" + good)
    bad = [row for row in rows if row.error]
    assert [row.index for row in bad] == [300]
    assert bad[0].error is not None
    assert reason in bad[0].error
    assert bad[0].raw
    assert len(rows) == 601


def test_the_description_names_columns_and_bad_records(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a"}\nbroken\n{"label": "b"}\n')
    description = JsonlConnector(str(path)).describe()
    assert description.columns == ["text", "label"]
    assert description.notes == ["1 of the first 3 records cannot be parsed"]


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("text,label\na,b\n")
    with pytest.raises(DataError, match="no line of the file is JSON") as caught:
        JsonlConnector(str(path)).describe()
    assert caught.value.next_command == f"if it has another format, read it with file:{path}"
