"""OpenDocument sheets, as LibreOffice writes them: cells and rows that repeat are written once."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError

NAMESPACES = "".join(
    f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text")
)
BLANK = '<table:table-cell table:number-columns-repeated="16384"/>'
REST = f'<table:table-row table:number-rows-repeated="1048000">{BLANK}</table:table-row>'


def cell(value: str | int) -> str:
    kind = f'"float" office:value="{value}"' if isinstance(value, int) else '"string"'
    return f"<table:table-cell office:value-type={kind}><text:p>{value}</text:p></table:table-cell>"


def sheet(path: Path, rows: list[list[str | int]], end: str = REST) -> Path:
    body = "".join(f"<table:table-row>{''.join(map(cell, row))}{BLANK}</table:table-row>" for row in rows)
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content{NAMESPACES} office:version="1.2"><office:body><office:spreadsheet>'
            f'<table:table table:name="Data">{body}{end}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_rows_below_the_header(tmp_path: Path) -> None:
    rows: list[list[str | int]] = [[f"order {n} came late", n % 3] for n in range(40)]
    path = sheet(tmp_path / "x.ods", [["Orders of May"], ["Text", "Label"], *rows])
    source = connect(Locator("file", str(path)))
    assert [row.data for row in source.load()] == [{"Text": text, "Label": label} for text, label in rows]
    description = source.describe()
    assert (description.format, description.columns) == ("ods", ["Text", "Label"])


@pytest.mark.parametrize(
    "end",
    [
        f'<table:table-row table:number-rows-repeated="1000000">{cell("x") * 100}</table:table-row>',
        f'<table:table-row table:number-rows-repeated="1000000">{BLANK}</table:table-row>'
        f"<table:table-row>{BLANK}{cell('x')}</table:table-row>",
    ],
    ids=["many cells", "one cell in the last corner"],
)
def test_a_small_file_of_many_cells_is_refused(tmp_path: Path, end: str) -> None:
    path = sheet(tmp_path / "x.ods", [["Text", "Label"], ["a", 1]], end)
    with pytest.raises(DataError, match="repeats its cells more than 50,000,000 times"):
        connect(Locator("file", str(path)))
