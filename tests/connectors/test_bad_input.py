"""Sources that cannot be used: one clear error with what, where and what next."""

import os
from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError

BINARY = {
    "x.csv": (bytes(range(256)) * 40, "binary data"),
    "y.csv": (b"%PDF-1.7\n" + b"text " * 100, "a PDF document"),
    "z.csv": (b"SQLite format 3\x00" + b"\x00" * 100, "an SQLite database"),
    "w.csv": (b"PK\x03\x04" + b"\x00" * 100, "a zip archive"),
}


@pytest.mark.parametrize("scheme", ["csv", "jsonl", "file"])
def test_missing_path_folder_empty_file_and_white_space(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("notes")
    (tmp_path / "blank.csv").write_text(" \n\n\t\n")
    cases = {
        "trian.csv": ("does not exist", "did you mean", "dataset_source_missing"),
        "folder": ("no file was found", "of a folder", "dataset_source_missing"),
        "empty.csv": ("the file is empty", "export", "dataset_source_empty"),
        "blank.csv": ("only white space", "export", "dataset_source_empty"),
    }
    for name, (what, fix, code) in cases.items():
        with pytest.raises(DataError, match=what) as caught:
            connect(Locator(scheme, str(tmp_path / name))).describe()
        assert fix in caught.value.next_command
        assert str(tmp_path) in caught.value.where
        assert caught.value.reason_code == code


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("scheme", ["csv", "jsonl", "file"])
def test_binary_files_are_named_for_what_they_are(tmp_path: Path, name: str, scheme: str) -> None:
    content, kind = BINARY[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=kind):
        connect(Locator(scheme, str(tmp_path / name))).describe()


def test_an_undetectable_encoding(tmp_path: Path) -> None:
    # Bytes that no listed code page maps to text in most of their places.
    (tmp_path / "x.csv").write_bytes(
        b"text,label\n" + bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D, 0xFF]) * 300 + b",a\n"
    )
    with pytest.raises(DataError, match="encoding cannot be detected") as caught:
        list(connect(Locator("csv", str(tmp_path / "x.csv"))).load())
    assert "encoding=" in caught.value.next_command


def test_unknown_schemes_and_wrong_locators() -> None:
    with pytest.raises(UsageError, match="no connector is called 'ftp'"):
        connect(Locator.parse("ftp:x"))
    with pytest.raises(UsageError, match="no connector is called 'json'") as format_as_scheme:
        connect(Locator.parse(f"json:{__file__}"))
    assert format_as_scheme.value.next_command.startswith(f"write file:{__file__}")
    for text in ("", "train.csv", "csv:"):
        with pytest.raises(UsageError, match="not a locator"):
            Locator.parse(text)


def test_a_device_is_not_a_file() -> None:
    with pytest.raises(DataError, match="not a regular file"):
        connect(Locator("csv", os.devnull))


def test_a_file_without_read_permission(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\na,b\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(DataError, match="cannot be read"):
        connect(Locator("csv", str(path)))


def test_a_workbook_whose_compressed_bytes_are_damaged_is_refused_by_its_kind(tmp_path, cli):
    import zipfile

    from openpyxl import Workbook

    book = Workbook()
    for number in range(200):
        book.active.append([f"text {number} with words", "label"])
    path = tmp_path / "rows.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    start = member.header_offset + 30 + len(member.filename) + 40
    content[start : start + 60] = bytes(reversed(content[start : start + 60]))
    path.write_bytes(content)
    cli("init", "task")
    done = cli("data", "import", "--locator", f"file:{path}", "--auto", code=1)
    assert "this is not a readable workbook" in done.stderr
    assert "unexpected" not in done.stderr
