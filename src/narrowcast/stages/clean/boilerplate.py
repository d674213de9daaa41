"""Blocks that are not what a document says: page numbers, notices, lines that come back on every page.

Only documents are looked at (texts with several blocks); rows of a table have no boilerplate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from narrowcast.stages.clean.blocks import Block

_DOCUMENT_BLOCKS = 8
# A line of this length at most that is in a document this often is a running head or foot.
_SHORT, _REPEATED = 100, 4

_PAGE_NUMBER = re.compile(
    r"(?:page|seite|página|p\.)?\s*[-–—]?\s*\d{1,4}(?:\s*(?:/|of|von|de)\s*\d{1,4})?\s*[-–—]?", re.IGNORECASE
)
_NOTICE = re.compile(
    r"(?:©|\(c\)|copyright\b)[^\n]{0,120}|all rights reserved\.?|"
    r"(?:we use|this (?:web)?site uses) cookies\b.{0,300}|"
    r"(?:skip|jump) to (?:main )?(?:content|navigation|search)\.?|subscribe to our newsletter.{0,100}|"
    r"share (?:this|on) .{0,60}|(?:accept|reject) all(?: cookies)?",
    re.IGNORECASE | re.DOTALL,
)


def without_boilerplate(blocks: Sequence[Block], *, printed: bool) -> tuple[list[Block], Counter[str]]:
    """The blocks that stay, and how many lines went, by rule.

    `printed` texts may have page numbers and running heads; in HTML and Markdown
    a line that repeats is content.
    """
    changes: Counter[str] = Counter()
    if len(blocks) < _DOCUMENT_BLOCKS:
        return list(blocks), changes
    repeated = _repeated_lines(blocks) if printed else frozenset()
    kept: list[Block] = []
    for block in blocks:
        if block.kind == "code":
            kept.append(block)
            continue
        lines = []
        for line in block.text.split("\n"):
            rule = _rule(line, repeated, printed)
            if rule:
                changes[rule] += 1
            else:
                lines.append(line)
        text = "\n".join(lines)
        if text.strip():
            kept.append(block if text == block.text else replace(block, text=text))
    return kept, changes


def _rule(line: str, repeated: frozenset[str], printed: bool) -> str:
    stripped = line.strip()
    if not stripped:
        return ""
    if _NOTICE.fullmatch(stripped):
        return "boilerplate_notice"
    if printed and _PAGE_NUMBER.fullmatch(stripped):
        return "boilerplate_page_number"
    return "boilerplate_repeated" if stripped in repeated else ""


def _repeated_lines(blocks: Sequence[Block]) -> frozenset[str]:
    counts = Counter(
        line.strip()
        for block in blocks
        if block.kind == "paragraph"
        for line in block.text.split("\n")
        if 0 < len(line.strip()) <= _SHORT
    )
    return frozenset(line for line, count in counts.items() if count >= _REPEATED)
