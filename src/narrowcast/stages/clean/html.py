"""HTML → blocks, by lxml. What browsers do not show goes; white space collapses as in them, but not in `pre`.

Navigation, footers, side notes and forms are left out as boilerplate; where a page has a `main` or
`article`, all around it is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from narrowcast.plugins.optional import require
from narrowcast.stages.clean.blocks import Block, Kind

_HIDDEN = frozenset(
    {
        "title",
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "iframe",
        "object",
        "canvas",
        "audio",
        "video",
    }
)
_BOILERPLATE = frozenset({"nav", "footer", "aside", "form", "button", "select", "dialog"})
_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search"})
_ITEMS = frozenset({"li", "dd", "dt"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "thead",
        "tr",
        "ul",
    }
)
# Short blocks that are mostly links are menus, in whatever element they stand.
_LINKED, _MENU_CHARACTERS = 0.8, 200


class MarkupError(ValueError):
    """A page that cannot be read to its end."""


def html_blocks(text: str, *, boilerplate: bool) -> tuple[list[Block], Counter[str]]:
    """The blocks of a page and how much was left out, by rule.

    Raises:
        MarkupError: if elements are nested more than 2,048 deep.
    """
    require("lxml", purpose="removing HTML markup")
    from lxml import etree, html

    parser = html.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        # Bytes, because a text with an encoding declaration is refused.
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, ValueError):  # a page without a single element or character
        return [], Counter({"html": 1})
    if any(entry.level_name == "FATAL" for entry in parser.error_log):  # the rest would be missing
        raise MarkupError(parser.error_log.last_error.message)
    reader = _Reader(boilerplate)
    reader.read(_content(root) if boilerplate else root)
    return reader.blocks, reader.changes


def _content(root: Any) -> Any:
    for path in (".//main", ".//*[@role='main']", ".//article"):
        matches = root.findall(path)
        if len(matches) == 1 and len(matches[0].text_content().strip()) > 200:
            return matches[0]
    return root


class _Reader:
    """Walks a tree in document order; no recursion, so that deep nesting does no harm."""

    def __init__(self, boilerplate: bool) -> None:
        self.blocks: list[Block] = []
        self.changes: Counter[str] = Counter({"html": 1})
        self._boilerplate = boilerplate
        self._parts: list[str] = []
        self._linked = 0
        self._links = 0
        self._verbatim = 0
        self._items = 0
        self._level = 0

    def read(self, root: Any) -> None:
        from lxml import etree

        skipped: set[Any] = set()
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                rule = self._skipped(element, tag)
                if rule:
                    self.changes[rule] += 1
                    walk.skip_subtree()
                    skipped.add(element)
                else:
                    self._open(tag)
                    self._add(element.text)
            else:
                if element not in skipped:
                    self._close(tag)
                if element is not root:
                    self._add(element.tail)
        self._flush()

    def _skipped(self, element: Any, tag: str) -> str:
        if tag in _HIDDEN or element.get("hidden") is not None:
            return "html_hidden"
        if self._boilerplate and (tag in _BOILERPLATE or element.get("role") in _ROLES):
            return "boilerplate_element"
        return ""

    def _open(self, tag: str) -> None:
        if tag in _HEADINGS or tag in _BREAKS:
            self._flush()
            self._level = _HEADINGS.get(tag, 0)
        if tag == "pre":
            self._verbatim += 1
        elif tag in _ITEMS:
            self._items += 1
        elif tag == "a":
            self._links += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag in ("td", "th") and self._parts:
            self._parts.append("\t")

    def _close(self, tag: str) -> None:
        if tag in _HEADINGS or tag in _BREAKS:
            self._flush()
            self._level = 0
        if tag == "pre":
            self._verbatim -= 1
        elif tag in _ITEMS:
            self._items -= 1
        elif tag == "a":
            self._links -= 1

    def _add(self, text: str | None) -> None:
        if not text:
            return
        # The bars keep one space at either end, where there was white space.
        self._parts.append(text if self._verbatim else " ".join(f"|{text}|".split())[1:-1])
        if self._links:
            self._linked += len(text)

    def _flush(self) -> None:
        raw, linked = "".join(self._parts), self._linked
        self._parts, self._linked = [], 0
        kind = self._kind()
        text = raw.strip("\n") if kind == "code" else _collapsed(raw)
        share = min(1.0, linked / len(raw)) if raw else 0.0
        if not text.strip():
            return
        if self._boilerplate and kind != "heading" and share > _LINKED and len(text) < _MENU_CHARACTERS:
            self.changes["boilerplate_links"] += 1
            return
        self.blocks.append(Block(text, kind, self._level, share))

    def _kind(self) -> Kind:
        if self._verbatim:
            return "code"
        if self._level:
            return "heading"
        return "item" if self._items else "paragraph"


def _collapsed(raw: str) -> str:
    """Runs of white space become one space; `br` and table cells keep their newline and tab."""
    lines = []
    for line in raw.split("\n"):
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        lines.append("\t".join(cells).strip("\t"))
    return "\n".join(lines).strip()
