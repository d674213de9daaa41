"""Markdown → blocks, by markdown-it. Marks go, words stay; code stays as it is, its fences go."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from narrowcast.stages.clean.blocks import Block, Kind

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_ADMONITION = re.compile(r"^:{3,}.*$\n?", re.MULTILINE)
_TAG = re.compile(r"<[^>]{1,2000}>")


def markdown_blocks(text: str) -> tuple[list[Block], Counter[str]]:
    """The blocks of a document and how much was left out, by rule."""
    from markdown_it import MarkdownIt

    changes: Counter[str] = Counter({"markdown": 1})
    for rule, pattern in (("front_matter", _FRONT_MATTER), ("admonition_fence", _ADMONITION)):
        text, count = pattern.subn("", text)
        if count:
            changes[rule] += count
    reader = _Reader(changes)
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        reader.take(token)
    return reader.blocks, changes


class _Reader:
    """Takes the tokens of a document in their order."""

    def __init__(self, changes: Counter[str]) -> None:
        self.blocks: list[Block] = []
        self._changes = changes
        self._level = 0
        self._items = 0
        self._cells: list[str] | None = None

    def take(self, token: Token) -> None:
        if token.type in ("fence", "code_block"):
            self._append(token.content.strip("\n"), "code")
        elif token.type == "html_block":
            self._changes["html"] += 1
            self._append(_TAG.sub("", token.content).strip(), "paragraph")
        elif token.type == "inline":
            self._words(token)
        else:
            self._enter(token)

    def _enter(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._level = int(token.tag[1])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                self._items += 1
            case "list_item_close":
                self._items -= 1
            case "tr_open":
                self._cells = []
            case "tr_close":
                self._append("\t".join(self._cells or []), "item")
                self._cells = None

    def _words(self, token: Token) -> None:
        words, linked = _inline(token, self._changes)
        if self._cells is not None:
            self._cells.append(words)
        else:
            kind: Kind = "heading" if self._level else "item" if self._items else "paragraph"
            self._append(words, kind, linked)

    def _append(self, text: str, kind: Kind, linked: float = 0.0) -> None:
        if text.strip():
            self.blocks.append(Block(text, kind, self._level, linked))


def _inline(token: Token, changes: Counter[str]) -> tuple[str, float]:
    """The words of a paragraph, and the share of them that is linked."""
    parts: list[str] = []
    inside = linked = 0
    for child in token.children or []:
        words = child.content
        if child.type == "link_open":
            inside += 1
        elif child.type == "link_close":
            inside -= 1
        elif child.type in ("softbreak", "hardbreak"):
            words = "\n"
        elif child.type == "html_inline":
            changes["html"] += 1
            words = ""
        if words:
            parts.append(words)
            linked += len(words) if inside else 0
    text = "".join(parts).strip()
    return text, linked / len(text) if text else 0.0
