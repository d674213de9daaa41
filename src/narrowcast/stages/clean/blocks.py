"""A text as blocks: headings, paragraphs, list items, code. Markup becomes them, chunks are made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "code"]

_BLANK_LINE = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text.

    Attributes:
        text: as it is in the cleaned text.
        kind: what it is.
        level: 1 to 6 for headings, else 0.
        linked: share of its characters that are links, 0 to 1; navigation has much of it.
    """

    text: str
    kind: Kind = "paragraph"
    level: int = 0
    linked: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A block with its place in the cleaned text: `text[start:end] == block.text`."""

    block: Block
    start: int
    end: int


def join(blocks: Sequence[Block]) -> str:
    """Blocks with an empty line between them; items of a list stand line by line."""
    parts: list[str] = []
    for number, block in enumerate(blocks):
        if number:
            parts.append("\n" if block.kind == blocks[number - 1].kind == "item" else "\n\n")
        parts.append(block.text)
    return "".join(parts)


def place(text: str, blocks: Sequence[Block]) -> list[Placed]:
    """Where the blocks are in a text that holds them in this order."""
    placed, position = [], 0
    for block in blocks:
        start = text.index(block.text, position)
        position = start + len(block.text)
        placed.append(Placed(block, start, position))
    return placed


def paragraphs(text: str) -> list[Block]:
    """A plain text: runs of lines between empty ones. White space in them stays."""
    blocks = []
    position = 0
    for gap in _BLANK_LINE.finditer(text):
        blocks.append(text[position : gap.start()])
        position = gap.end()
    blocks.append(text[position:])
    return [Block(each.strip("\n")) for each in blocks if each.strip()]
