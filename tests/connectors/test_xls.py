"""Workbooks of the old form of Excel: read as the new ones are, and refused where a cell is out of bounds."""

from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError
from tests.support.xls import cell, compound, workbook

ROWS = [["Text", "Label", "n"], *([f"the kettle {n} is late, für Ann", "late", float(n)] for n in range(30))]


def rows(path: Path, options: str = "") -> list[dict[str, Any]]:
    return [row.data for row in connect(Locator("file", f"{path}{options}")).load()]


def test_an_old_workbook_is_read_like_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    path.write_bytes(workbook({"Data": [["Export of today"], [], *ROWS], "Other": [["a", "b"], ["c", "d"]]}))
    read = rows(path)
    assert read[0] == {"Text": "the kettle 0 is late, für Ann", "Label": "late", "n": 0}
    assert len(read) == 30
    assert rows(path, "?sheet=Other&header=yes") == [{"a": "c", "b": "d"}]
    notes = " ".join(connect(Locator("file", str(path))).describe().notes)
    assert "not read: the sheets 'Other'" in notes


def test_a_cell_beyond_the_last_column_is_refused_before_room_is_made(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    content = workbook({"Data": ROWS})
    at = content.index(cell(30, 1, "late"))
    path.write_bytes(content[:at] + cell(65_535, 65_535, "late") + content[at + len(cell(30, 1, "late")) :])
    with pytest.raises(DataError, match="reaches to column 65,536"):
        rows(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (compound({"EncryptedPackage": b"x"}), "protected by a password"),
        (compound({"WordDocument": b"x"}), "holds no workbook"),
        (workbook({"Data": ROWS})[:700], "not a readable workbook"),
    ],
)
def test_other_compound_files_are_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=what):
        rows(path)


def test_a_word_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.doc").write_bytes(compound({"WordDocument": b"x"}))
    with pytest.raises(DataError, match="an old Office document"):
        rows(tmp_path / "x.doc")
