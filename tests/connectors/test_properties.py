"""Whatever bytes a file holds: rows and sentinels in order, or one clear error; never anything else."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import NarrowcastError

pytestmark = pytest.mark.nightly

LINES = st.lists(
    st.one_of(
        st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=30),
        st.sampled_from([b'{"text": "a", "label": "b"}', b"a,b", b"a\tb", b'"', b'"a\nb",c', b"", b"\x00"]),
    ),
    min_size=1,
    max_size=12,
)


def read(scheme: str, name: str, content: bytes) -> list[SourceRow] | None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            connector = connect(Locator(scheme, str(path)))
            connector.describe()
            return list(connector.load())
        except NarrowcastError as error:
            if not (error.where and error.next_command):
                raise AssertionError(f"no place or no next command: {error!r}") from error
            return None


@settings(max_examples=150)
@given(lines=LINES, ending=st.sampled_from([b"\n", b"\r\n", b"\r"]), name=st.sampled_from(["x.csv", "x.tsv"]))
@example(lines=[b'"', b"a,b"], ending=b"\n", name="x.csv")
@example(lines=[b"a,b", b'"x', b"y"], ending=b"\r", name="x.csv")
def test_delimited_text(lines: list[bytes], ending: bytes, name: str) -> None:
    rows = read("csv", name, ending.join(lines))
    for number, row in enumerate(rows or []):
        assert row.index == number
        assert bool(row.data) != bool(row.error)
        json.dumps(row.to_dict(), allow_nan=False).encode("utf-8")


@settings(max_examples=150)
@given(lines=LINES)
@example(lines=[b'{"a": 1e999}'])
@example(lines=[b"\xef\xbb\xbf{}"])
def test_any_lines_through_jsonl(lines: list[bytes]) -> None:
    for number, row in enumerate(read("jsonl", "x.jsonl", b"\n".join(lines)) or []):
        assert row.index == number
        assert row.error is None or not row.data


ASCII_LINES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    st.sampled_from(["", " ", "\t", '{"text": "a", "label": "b"}', "{", '{"a": 1e999}', "[1]"]),
)


@settings(max_examples=150)
@given(lines=st.lists(ASCII_LINES, max_size=12), filled=st.sampled_from(["not json", "[2]"]))
def test_jsonl_gives_one_row_per_line_that_is_not_blank(lines: list[str], filled: str) -> None:
    lines = [*lines, filled, '{"a": 1}']  # a file without any JSON is refused
    rows = read("jsonl", "x.jsonl", "\n".join(lines).encode())
    assert rows is not None
    assert len(rows) == sum(bool(line.strip()) for line in lines)


@settings(max_examples=100)
@given(
    content=st.binary(min_size=1, max_size=200),
    name=st.sampled_from(["x", "x.json", "x.csv", "x.gz", "x.conll"]),
)
def test_any_bytes_through_file(content: bytes, name: str) -> None:
    rows = read("file", name, content)
    assert rows is None or [row.index for row in rows] == list(range(len(rows)))


CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")
CELLS = st.text(alphabet=CHARACTERS, max_size=20)


@settings(max_examples=150)
@given(records=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_read_to_the_character(records: list[tuple[str, str]]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["text", "label"])
    writer.writerows(records)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(buffer.getvalue().encode("utf-8"))
        connector = connect(Locator("csv", f"{path}?encoding=utf-8&delimiter=,&header=yes"))
        rows = list(connector.load())
    assert [(row.data.get("text"), row.data.get("label")) for row in rows] == records
