"""`docs:` on real documents and on broken ones."""

from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError

pytestmark = pytest.mark.nightly


def read(path: Path) -> dict[str, SourceRow]:
    rows = list(connect(Locator("docs", str(path))).load())
    assert [row.index for row in rows] == list(range(len(rows)))
    return {str(row.data.get("path") or row.raw): row for row in rows}


def test_kinds_of_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("A title\r\n\r\nBody of the text, café.".encode("utf-16"))
    (tmp_path / "b.md").write_text('---\ntitle: "From the front"\n---\n# Heading\n\ntext')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.html").write_text(
        "<html><head><title>Page &amp; co</title><style>p{}</style></head>"
        "<body><nav><a href=x>Home</a></nav><p>seen</p><script>unseen()</script>"
        "<div role=navigation>Next</div><footer>imprint</footer></body></html>"
    )
    (tmp_path / "sub" / "m.html").write_text("<nav><p>nothing but a menu</p></nav>")
    document = docx.Document()
    document.add_heading("The heading", 0)
    document.add_paragraph("A paragraph.")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "left", "right"
    document.save(str(tmp_path / "d.docx"))
    (tmp_path / "e.png").write_bytes(b"\x89PNG")
    rows = read(tmp_path)
    assert rows["a.txt"].data == {
        "text": "A title\n\nBody of the text, café.", "title": "A title", "path": "a.txt", "format": "txt",
        "pages": None,
    }  # fmt: skip
    assert rows["b.md"].data["title"] == "From the front"
    assert rows["sub/c.html"].data["text"] == "seen"
    assert rows["sub/c.html"].data["title"] == "Page & co"
    assert rows["sub/m.html"].data["text"] == "nothing but a menu"
    assert rows["d.docx"].data["text"] == "The heading\n\nA paragraph.\n\nleft\tright"
    assert rows["d.docx"].data["title"] == "The heading"
    assert (
        "other files, which are not read: 1 .png" in connect(Locator("docs", str(tmp_path))).describe().notes
    )


def test_an_unreadable_document_is_a_named_rejection(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "empty.txt").touch()
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "binary.md").write_bytes(bytes(range(256)) * 20)
    (folder / "script.html").write_text("<script>only()</script>")
    (folder / "link.txt").symlink_to(outside)
    for name, password in (("scan.pdf", ""), ("locked.pdf", "x")):
        writer = PdfWriter()
        writer.add_blank_page(100, 100)
        if password:
            writer.encrypt(password, algorithm="RC4-128")
        writer.write(folder / name)
    rows = read(folder)
    expected = {
        "empty.txt": "the file is empty", "broken.pdf": "", "broken.docx": "zip", "binary.md": "binary data",
        "script.html": "contains no text", "link.txt": "a place outside the folder", "scan.pdf": "needs OCR",
        "locked.pdf": "encrypted",
    }  # fmt: skip
    assert rows.keys() == expected.keys()
    for name, part in expected.items():
        assert str(rows[name].error).startswith(f"{name}: ")
        assert part in str(rows[name].error)


def test_no_folder_and_no_document(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        connect(Locator("docs", str(tmp_path / "none")))
    with pytest.raises(DataError, match="no document was found"):
        connect(Locator("docs", str(tmp_path)))


def test_the_shared_documents(shared_data: Path) -> None:
    rows = read(shared_data / "docs" / "html") | read(shared_data / "docs" / "md")
    rows |= read(shared_data / "docs" / "UC_Berkeley_short.pdf")
    assert [name for name, row in rows.items() if row.error] == []
    assert len(rows) == 13
    assert rows["UC_Berkeley_short.pdf"].data["pages"] == 5
    assert "University of California" in rows["UC_Berkeley_short.pdf"].data["text"]
    assert rows["api.html"].data["title"] == "Kiln API Reference — Endpoint map"
    assert rows["dlt_schema.md"].data["title"] == "Schema"
