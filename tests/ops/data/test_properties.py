"""Whatever stands in a file: rows = accepted + rejected, in the report, in the files and in the ledger."""

import io
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import NarrowcastError
from narrowcast.ops import data
from narrowcast.ops.project import Project

PARTS = st.lists(
    st.one_of(
        st.binary(max_size=25),
        st.sampled_from(
            [b'{"text": "a b", "label": "x"}', b'{"text": "", "label": 1}', b'{"text": "c", "label": null}',
             b'{"text": ["c"]}', b'{"label": 1e999, "text": "t"}', b'["a", "b"]', b"a b,x",
             b"text,label", b'"a,x']
        ),
    ),
    min_size=1,
    max_size=10,
)  # fmt: skip


@pytest.mark.parametrize(("scheme", "name"), [("csv", "x.csv"), ("csv", "x.tsv"), ("jsonl", "x.jsonl")])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS)
def test_rows_and_rejects_add_up(
    project: Project, tmp_path: Path, scheme: str, name: str, parts: list[bytes]
) -> None:
    head = b"text,label\nfirst one,x\n" if scheme == "csv" else b'{"text": "first one", "label": "x"}\n'
    path = tmp_path / name
    path.write_bytes(head + b"\n".join(parts) + b"\n")
    options = {"text": "text", "label": "label"}
    try:
        outcome = data.import_rows(
            project, f"{scheme}:{path}", mapper="label_to_classification", field_map=options
        )
    except NarrowcastError as error:
        if not (error.where and error.next_command):
            raise AssertionError(f"no place or no next command: {error!r}") from error
        assert data.imports(project) == []
        return
    assert isinstance(outcome, data.ImportOutcome)
    record = outcome.record
    assert record.rows == record.accepted + sum(record.rejected.values())
    assert record.accepted >= 1
    ledger = data.ledger(project)
    assert ledger.balanced
    assert ledger.stages[0].rows_in == record.rows
    data.remove_import(project, record.id)


STARTS = [
    b"", b"[", b"{", b"%PDF-1.7\n", b"PK\x03\x04", b"PAR1", b"SQLite format 3\x00", b"\x1f\x8b", b"<html>",
    b"\xff\xfe",
]  # fmt: skip
FORMS = [
    "file:x", "file:x.json", "file:x.jsonl", "file:x.csv", "file:x.tsv", "file:x.xlsx", "file:x.parquet",
    "file:x.conll", "file:x.gz", "parquet:x.parquet", "logs:x.jsonl", "docs:x.txt", "docs:x.md",
    "docs:x.html", "docs:x.pdf", "docs:x.docx", "sql:sqlite:///x.db?table=t",
]  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(STARTS), parts=PARTS, form=st.sampled_from(FORMS))
def test_any_bytes_in_any_form_end_in_rows_and_rejects_or_one_clear_error(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: bytes,
    parts: list[bytes],
    form: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    name = form.partition(":")[2].removeprefix("sqlite:///").partition("?")[0]
    (tmp_path / name).write_bytes(start + b"\n".join(parts))
    try:
        outcome = data.import_rows(project, form, auto=True, force=True)
    except NarrowcastError as error:
        if not (error.where and error.next_command):
            raise AssertionError(f"no place or no next command: {error!r}") from error
        assert data.imports(project) == []
        return
    assert isinstance(outcome, data.ImportOutcome)
    record = outcome.record
    assert record.rows == record.accepted + sum(record.rejected.values())
    assert data.ledger(project).balanced
    data.remove_import(project, record.id)


def whole_files() -> dict[str, bytes]:
    """A good file of each binary form; the property test damages them."""
    import docx
    import openpyxl
    import polars as pl
    from pypdf import PdfWriter

    files = {}
    buffer = io.BytesIO()
    texts = [f"text number {n}" for n in range(30)]
    pl.DataFrame({"text": texts, "label": ["a", "b", "c"] * 10}).write_parquet(buffer)
    files["parquet:x.parquet"] = buffer.getvalue()
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for text in texts:
        book.worksheets[0].append([text, "a"])
    book.save(buffer)
    files["file:x.xlsx"] = buffer.getvalue()
    document, buffer = docx.Document(), io.BytesIO()
    document.add_paragraph("A paragraph.")
    document.save(buffer)
    files["docs:x.docx"] = buffer.getvalue()
    writer, buffer = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(buffer)
    files["docs:x.pdf"] = buffer.getvalue()
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t (text text, label text)")
        connection.executemany("insert into t values (?, 'a')", [(text,) for text in texts])
        connection.commit()
        files["sql:sqlite:///x.db?table=t"] = connection.serialize()
    connection.close()
    return files


WHOLE = whole_files()


@settings(max_examples=80, deadline=None)
@given(form=st.sampled_from(sorted(WHOLE)), draw=st.data())
def test_a_damaged_file_ends_in_rows_and_rejects_or_one_clear_error(form: str, draw: st.DataObject) -> None:
    content = bytearray(WHOLE[form])
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(content) - 1))
        content[place : place + 4] = draw.draw(st.binary(max_size=8))
    with TemporaryDirectory() as folder:
        scheme, _, rest = form.partition(":")
        prefix = "sqlite:///" if scheme == "sql" else ""
        name = rest.removeprefix(prefix)
        Path(folder, name.partition("?")[0]).write_bytes(content)
        try:
            connector = connect(Locator(scheme, f"{prefix}{folder}/{name}"))
            connector.describe()
            rows = list(connector.load())
        except NarrowcastError as error:
            if not (error.where and error.next_command):
                raise AssertionError(f"no place or no next command: {error!r}") from error
            return
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(bool(row.data) != bool(row.error) for row in rows)
