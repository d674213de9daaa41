"""Workbooks and tables that claim more than they hold."""

import io
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError


def workbook(path: Path, **cells: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number in range(30):
        sheet.append(
            [f"message number {number}" if number else "text", "ab"[number % 2] if number else "label"]
        )
    for place, text in cells.items():
        sheet[place] = text
    book.create_sheet("Other")["XFD1048576"] = "far"
    book.save(path)
    return path


def test_a_stray_cell_far_away_is_refused_and_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "far.xlsx", XFD1048576="far")
    with pytest.raises(DataError, match=r"reaches to row 1,048,576 and column 16,384") as caught:
        connect(Locator("file", str(path)))
    assert "XFD1048576" in caught.value.next_command


def test_a_stray_cell_nearby_or_in_another_sheet_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "near.xlsx", B9000="near")
    *_, last = connect(Locator("file", str(path))).load()
    assert last.data == {"text": None, "label": "near"}


def test_a_cell_that_claims_to_span_millions_of_columns_is_read_once(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(1, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "over both"
    packed = io.BytesIO()
    document.save(packed)
    (tmp_path / "docs").mkdir()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(tmp_path / "docs" / "a.docx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            assert name != "word/document.xml" or b'<w:gridSpan w:val="2"/>' in content
            new.writestr(name, content.replace(b'<w:gridSpan w:val="2"/>', b'<w:gridSpan w:val="90000000"/>'))
    (row,) = connect(Locator("docs", str(tmp_path / "docs"))).load()
    assert row.data["text"] == "over both"


def test_a_workbook_without_sheets_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "none.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(
                name, content.replace(b"sheet ", b"sheat ") if name == "xl/workbook.xml" else content
            )
    with pytest.raises(DataError, match="no sheets"):
        connect(Locator("file", str(tmp_path / "none.xlsx")))


def test_a_workbook_whose_entities_grow_is_refused(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "whole.xlsx")
    kind = b'<!DOCTYPE workbook [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "bomb.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/workbook.xml":
                start = content.index(b"<workbook")
                content = content[:start] + kind + content[start:]
            new.writestr(name, content)
    with pytest.raises(DataError, match="declares a document type"):
        connect(Locator("file", str(tmp_path / "bomb.xlsx")))
