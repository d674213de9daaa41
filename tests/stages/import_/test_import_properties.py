"""Whatever is in a file: rows = accepted + rejected, in the report, in the files and in the ledger."""

import gzip
import io
import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrowcast.errors import NarrowcastError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

pytestmark = pytest.mark.nightly

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
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    "docs:x.html", "docs:x.pdf", "docs:x.docx", "sql:sqlite:///x.db?table=t", "csv:x.csv?short=fill",
    "join:file:x.json+file:x.json?on=id",
]  # fmt: skip


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(STARTS), parts=PARTS, form=st.sampled_from(FORMS))
def test_any_bytes_in_any_form_end_in_rows_and_rejects_or_one_clear_error(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: bytes,
    parts: list[bytes],
    form: str,
) -> None:
    imported(project, tmp_path, monkeypatch, form, start + b"\n".join(parts))


def imported(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch, form: str, content: bytes
) -> None:
    """Import a file of these bytes and hold the outcome against the promise."""
    monkeypatch.chdir(folder)
    name = form.partition(":")[2].removeprefix("sqlite:///").partition("?")[0]
    (folder / name).write_bytes(content)
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
    kept = {path: project.paths.root / "data" / path / f"{record.id}.jsonl" for path in KEPT}
    counts = {path: len(list(read_jsonl(file))) for path, file in kept.items()}
    assert counts == {
        "raw": record.rows,
        "accepted": record.accepted,
        "rejected": sum(record.rejected.values()),
    }
    assert data.ledger(project).balanced
    data.remove_import(project, record.id)


KEPT = ("raw", "accepted", "rejected")


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
    records = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(texts)]
    lines = "\n".join(json.dumps(record) for record in records)
    files["jsonl:x.jsonl"] = lines.encode()
    files["file:x.json"] = json.dumps({"rows": records}).encode()
    files["csv:x.csv"] = ("text,label\n" + "\n".join(f'"{text}",a' for text in texts)).encode()
    files["file:x.gz"] = gzip.compress(lines.encode())
    files["file:x.conll"] = b"word\tO\nBern\tB-place\n\n" * 25
    turns = {"messages": [{"role": "user", "content": "hi"}]}
    answer = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}
    files["logs:x.jsonl"] = (json.dumps({"request": turns, "response": answer}) + "\n").encode() * 25
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


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=st.sampled_from(sorted(WHOLE)), draw=st.data())
def test_a_damaged_file_ends_in_rows_and_rejects_or_one_clear_error(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    draw: st.DataObject,
) -> None:
    content = bytearray(WHOLE[form])
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(content) - 1))
        content[place : place + 4] = draw.draw(st.binary(max_size=8))
    imported(project, tmp_path, monkeypatch, form, bytes(content))
