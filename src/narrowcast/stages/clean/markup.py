"""Which markup a text is written in, and its blocks without it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Literal

from narrowcast.stages.clean.blocks import Block, paragraphs

Markup = Literal["html", "markdown", "plain"]

_HTML_DOCUMENT = re.compile(
    r"\A\s*(?:<!doctype\s+html|<html\b|<head\b|<body\b|<\?xml[^>]*>\s*<html\b)", re.IGNORECASE
)
_HTML_ELEMENT = re.compile(
    r"</(?:a|b|i|p|div|span|li|ul|ol|td|tr|table|h[1-6]|strong|em|pre|code|section|article)\s*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!")
_SUFFIXES: dict[str, Markup] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
}
# Columns in which a source says what file a text came from.
_FILE_COLUMNS = ("path", "file", "filename", "name", "format", "source", "url")


def markup_of(text: str, data: dict[str, Any]) -> Markup:
    """By the file's name where the row has it, else by content; Markdown is never guessed from content.

    A `#` or `*` in a message is data, not a heading; two closing tags are hardly anything but HTML.
    """
    named = next(iter(_named(data)), None)
    if named:
        # A source may have taken the markup off already, and the name is still that of the page.
        return "plain" if named == "html" and not _TAG.search(text) else named
    if _HTML_DOCUMENT.search(text) or len(_HTML_ELEMENT.findall(text, endpos=20_000)) >= 2:
        return "html"
    return "plain"


def _named(data: dict[str, Any]) -> list[Markup]:
    """The markup that the names of files in a row tell."""
    values = [data[column] for column in _FILE_COLUMNS if column in data]
    suffixes = [f".{value.lower().rpartition('.')[2]}" for value in values if isinstance(value, str)]
    return [_SUFFIXES[suffix] for suffix in suffixes if suffix in _SUFFIXES]


def is_web_page(text: str, data: dict[str, Any]) -> bool:
    """Whether a text is a page, by its beginning or its file's name, and not a cell with markup."""
    return bool(_HTML_DOCUMENT.search(text)) or "html" in _named(data)


def blocks_of(text: str, markup: Markup, *, boilerplate: bool) -> tuple[list[Block], Counter[str]]:
    """Blocks without markup, and what was left out, counted by rule."""
    if markup == "html":
        from narrowcast.stages.clean.html import html_blocks

        return html_blocks(text, boilerplate=boilerplate)
    if markup == "markdown":
        from narrowcast.stages.clean.markdown import markdown_blocks

        return markdown_blocks(text)
    return paragraphs(text), Counter()
