"""Lines that are not what a document says: page numbers, running heads and feet, notices.

Only documents are looked at: texts with pages (form feeds between them) and web pages. In the column of a
table or in a transcript "42" and a "Yes." that comes back are answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from narrowcast.stages.clean.blocks import Block

PAGE_BREAK = "\f"
# A running head or foot: its longest length, how near the edge of a page it is, on how many pages at least.
_SHORT, _EDGE, _PAGES = 200, 3, 3
_NOTICE_BLOCKS = 8
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|página|p\.)?\s*[-–—]?\s*(\d{1,4})(?:\s*(?:/|of|von|de)\s*\d{1,4})?\s*[-–—]?",
    re.IGNORECASE,
)
# A head or foot with its page number at one end, set apart: "ACME Manual | 12", "https://acme.org/faq 3/7".
_NUMBERED = re.compile(
    r"(?P<first>\d{1,4})(?:\s*[|•·–—]\s*|\s{2,})\S.*|"
    r".*\S(?:(?:\s*[|•·–—]\s*|\s{2,})(?P<last>\d{1,4})|\s+(?P<of>\d{1,4})\s*(?:/|of|von|de)\s*\d{1,4})",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"(?:©|\(c\)|copyright\b)[^\n]{0,120}|all rights reserved\.?|"
    r"(?:we use|this (?:web)?site uses) cookies\b.{0,300}|"
    r"(?:skip|jump) to (?:main )?(?:content|navigation|search)\.?|subscribe to our newsletter.{0,100}|"
    r"share (?:this|on) .{0,60}|(?:accept|reject) all(?: cookies)?",
    re.IGNORECASE | re.DOTALL,
)


def without_running_lines(text: str) -> tuple[str, Counter[str]]:
    """A text of pages without the lines that stand at the edge of most of them, and how many went, by rule.

    Lines are the same where they are equal, or differ by a page number that grows with the pages. Within a
    page, and where there are fewer than three pages, nothing is removed.
    """
    changes: Counter[str] = Counter()
    pages = [page.split("\n") for page in text.split(PAGE_BREAK)]
    edges = [_edges(page, number) for number, page in enumerate(pages)]
    inhabited = sum(bool(head) for head, _ in edges)
    if inhabited < _PAGES:
        return text, changes
    heads, feet = (Counter(form for edge in edges for form in set(edge[at].values())) for at in (0, 1))
    least = max(_PAGES, inhabited // 2 + 1)
    for page, (head, foot) in zip(pages, edges, strict=True):
        running = {*_outermost(head, heads, least), *_outermost(foot, feet, least)}
        for place in sorted(running, reverse=True):
            numbered = _PAGE_NUMBER.fullmatch(page[place].strip())
            changes["boilerplate_page_number" if numbered else "boilerplate_repeated"] += 1
            del page[place]
    return PAGE_BREAK.join("\n".join(page) for page in pages), changes


_Edge = dict[int, str]


def _edges(page: Sequence[str], number: int) -> tuple[_Edge, _Edge]:
    """The first and the last lines of a page, from the edge inwards: their places and forms."""
    filled = [place for place, line in enumerate(page) if line.strip()]
    head, foot = (
        {place: _form(page[place], number) for place in places}
        for places in (filled[:_EDGE], filled[: -_EDGE - 1 : -1])
    )
    return head, foot


def _outermost(edge: _Edge, counts: Counter[str], least: int) -> list[int]:
    """Places of the lines before the first that is on fewer pages."""
    return [place for place, _ in takewhile(lambda line: counts[line[1]] >= least, edge.items())]


def _form(line: str, number: int) -> str:
    """A line as it is on other pages: a page number in it as its distance to the page's own number."""
    line = line.strip()
    if len(line) > _SHORT:
        return f"{number}: {line}"
    if match := _PAGE_NUMBER.fullmatch(line):
        return f"page {int(match[1]) - number}"
    match = _NUMBERED.fullmatch(line)
    group = match and match.lastgroup
    if not match or not group:
        return line
    start, end = match.span(group)
    return f"{line[:start]}<{int(match[group]) - number}>{line[end:]}"


def without_notices(blocks: Sequence[Block]) -> tuple[list[Block], Counter[str]]:
    """The blocks of a web page without copyright lines, cookie notices and the like; how many lines went."""
    changes: Counter[str] = Counter()
    if len(blocks) < _NOTICE_BLOCKS:
        return list(blocks), changes
    kept: list[Block] = []
    for block in blocks:
        if block.kind == "code":
            kept.append(block)
            continue
        lines = block.text.split("\n")
        rest = [line for line in lines if not _NOTICE.fullmatch(line.strip())]
        changes["boilerplate_notice"] += len(lines) - len(rest)
        text = "\n".join(rest)
        if text.strip():
            kept.append(block if text == block.text else replace(block, text=text))
    return kept, +changes
