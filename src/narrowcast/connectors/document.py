"""Text, title and page count of one document, by its kind."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from narrowcast.connectors.source import MAX_DOCUMENT_BYTES, data_error

_HEADING = re.compile(r"^#{1,3}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
# What is the same on every page of a site.
_MENUS = frozenset({"nav", "footer", "menu"})
_MENU_ROLES = frozenset({"navigation", "contentinfo", "search", "menu", "menubar"})


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says. `pages` is known for PDF alone; paragraphs are separated by an empty line."""

    text: str
    title: str = ""
    pages: int | None = None


def plain_text(text: str) -> Document:
    """The text as it is; its first line is the title where it is short and stands alone."""
    first, _, rest = text.lstrip().partition("\n")
    alone = len(first) <= 120 and (not rest or rest.startswith("\n"))
    return Document(text, first.strip() if alone else "")


def markdown(text: str) -> Document:
    """The text as it is, front matter included; the title is the front matter's, or the first heading."""
    front = _FRONT_MATTER.match(text)
    titled = _TITLE.search(front[1]) if front else None
    heading = _HEADING.search(text)
    title = titled[1] if titled else heading[1] if heading else ""
    return Document(text, title.strip().strip("\"'"))


def html(text: str) -> Document:
    """The text that a reader would see, without scripts, styles, menus and footers."""
    from inscriptis import Inscriptis
    from lxml.html import HTMLParser, document_fromstring

    def parsed(content: str) -> Any:
        # Bytes, as lxml refuses text that declares an encoding; nothing is fetched from the network.
        return document_fromstring(content.encode(), parser=HTMLParser(encoding="utf-8", no_network=True))

    tree = parsed(text)
    if tree.find("body") is None:  # a fragment that begins with a style is all head to the parser
        tree = parsed(f"<html><body>{text}</body></html>")
    node = tree.find(".//title")
    title = " ".join(node.text_content().split()) if node is not None else ""
    whole = Inscriptis(tree).get_text()
    for element in [each for each in tree.iter() if each.tag in _MENUS or each.get("role") in _MENU_ROLES]:
        if element.getparent() is not None:
            element.drop_tree()
    # A page that is nothing but a menu is kept: what it is worth is not for the reader to say.
    content = Inscriptis(tree).get_text()
    seen = content if content.strip() else whole
    return Document(re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", seen)).strip(), title)


def pdf(file: io.BytesIO) -> Document:
    """The text of its pages; pages are separated by a form feed, so that they can be split again."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of whatever it repairs
    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise data_error(
            "the PDF is encrypted",
            "the document",
            "remove its password",
            reason_code="dataset_source_damaged",
        )
    pages = [page.extract_text() for page in reader.pages]
    title = reader.metadata.title if reader.metadata else None
    text = "\f".join(pages) if any(map(str.strip, pages)) else ""
    return Document(text, str(title or "").strip(), len(pages))


def docx(file: io.BytesIO) -> Document:
    """Paragraphs and tables in their order; cells of a table row are separated by a tab."""
    import docx as python_docx
    from docx.table import Table

    with ZipFile(file) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_DOCUMENT_BYTES:
            raise data_error(
                "the document unpacks to too much",
                "the document",
                "save it as text",
                reason_code="dataset_source_too_large",
            )
    file.seek(0)
    document = python_docx.Document(file)
    blocks, title = [], document.core_properties.title or ""
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            blocks.append("\n".join("\t".join(_cells(row)) for row in block.rows))
        else:
            style = block.style.name if block.style is not None else ""
            if not title and style and style.startswith(("Title", "Heading")):
                title = block.text
            blocks.append(block.text)
    return Document("\n\n".join(block for block in blocks if block.strip()), title.strip())


def _cells(row: Any) -> list[str]:
    """Texts of the cells that are stored; `row.cells` repeats one for each column that it claims to span."""
    from docx.table import _Cell

    return [_Cell(cell, row.table).text for cell in row._tr.tc_lst]
