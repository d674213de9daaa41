"""Cutting by structure: a heading begins a chunk, paragraphs fill it, sentences divide what is too long.

Each chunk is a piece of the cleaned text, `text[start:end]`, and knows the headings above it. Nothing
overlaps, and all that is left out between two chunks is white space.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from narrowcast.stages.clean.blocks import Placed

# How long a text is: in characters, or in tokens of a model.
Measure = Callable[[str], int]

_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9À-Þ\u0370-\uffff])|(?<=[。！？])|\n+"
)
_WORD_END = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document; `size` is in the unit of the measure."""

    start: int
    end: int
    size: int
    headings: tuple[str, ...]


def chunks(text: str, placed: Sequence[Placed], limit: int, measure: Measure = len) -> Iterator[Chunk]:
    """Pieces of at most `limit`, in order."""
    path: list[tuple[int, str]] = []
    open_start: int | None = None
    open_end = 0

    def closed() -> Iterator[Chunk]:
        if open_start is not None:
            size = measure(text[open_start:open_end])
            yield Chunk(open_start, open_end, size, tuple(title for _, title in path))

    for each in placed:
        if each.block.kind == "heading":
            yield from closed()
            open_start = None
            path = [(level, title) for level, title in path if level < each.block.level]
            path.append((each.block.level, " ".join(text[each.start : each.end].split())))
        for start, end in _pieces(text, each.start, each.end, limit, measure):
            if open_start is not None and measure(text[open_start:end]) > limit:
                yield from closed()
                open_start = None
            open_start, open_end = start if open_start is None else open_start, end
    yield from closed()


def _pieces(text: str, start: int, end: int, limit: int, measure: Measure) -> Iterator[tuple[int, int]]:
    """The block itself where it fits; else its sentences, their words, or runs of characters."""
    if measure(text[start:end]) <= limit:
        yield start, end
        return
    for part_start, part_end in _split(text, start, end, _SENTENCE_END):
        if measure(text[part_start:part_end]) <= limit:
            yield part_start, part_end
            continue
        for word_start, word_end in _split(text, part_start, part_end, _WORD_END):
            while measure(text[word_start:word_end]) > limit:
                cut = _longest(text, word_start, word_end, limit, measure)
                yield word_start, cut
                word_start = cut
            yield word_start, word_end


def _split(text: str, start: int, end: int, at: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    position = start
    for gap in at.finditer(text, start, end):
        if gap.start() > position:
            yield position, gap.start()
        position = max(position, gap.end())
    if position < end:
        yield position, end


def _longest(text: str, start: int, end: int, limit: int, measure: Measure) -> int:
    """The end of the longest run of characters that fits, one character at least; by bisection."""
    low, high = start + 1, end
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[start:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
