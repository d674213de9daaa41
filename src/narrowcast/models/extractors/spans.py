"""Typed pieces of a text as tags of its words: begin, inside or outside of a span (BIO).

A word is a run of letters and digits, or one other sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

TOKEN = re.compile(r"\w+|[^\w\s]")
OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class TaggedSpan:
    """A typed piece of a text, by character offsets."""

    kind: str
    start: int
    end: int


class Tagger(Protocol):
    """Finds typed spans in texts."""

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""


# Fits a tagger to texts and their spans.
MakeTagger = Callable[[Sequence[str], Sequence[Sequence[TaggedSpan]]], Tagger]


def first_place(text: str, wanted: str, taken: Sequence[TaggedSpan] = ()) -> tuple[int, int] | None:
    """The first occurrence of `wanted` at word boundaries that overlaps nothing taken."""
    for match in re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", text):
        if not any(match.start() < span.end and span.start < match.end() for span in taken):
            return match.span()
    return None


def tags_of(text: str, spans: Sequence[TaggedSpan]) -> list[str]:
    """BIO tags of the words: the begin and the inside of a span by its kind, or outside."""
    tags = []
    for match in TOKEN.finditer(text):
        inside = next((span for span in spans if span.start <= match.start() < span.end), None)
        if inside is None:
            tags.append(OUTSIDE)
        else:
            tags.append(f"{'B' if match.start() == inside.start else 'I'}-{inside.kind}")
    return tags


def word_shape(word: str) -> str:
    """`Bob4` → `Xx9`: kinds of characters, runs shortened to one."""
    kinds = "".join("9" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", kinds) + ("" if len(word) > 1 else "!")


def decoded_spans(tokens: Sequence[re.Match[str]], tags: Sequence[str]) -> Iterator[TaggedSpan]:
    """BIO tags to spans; an inside tag that follows no span of its type begins one."""
    kind, start, end = "", 0, 0
    for token, tag in zip(tokens, tags, strict=True):
        name = tag[2:] if tag != OUTSIDE else ""
        if kind and (not tag.startswith("I-") or name != kind):
            yield TaggedSpan(kind, start, end)
            kind = ""
        if name:
            if not kind:
                kind, start = name, token.start()
            end = token.end()
    if kind:
        yield TaggedSpan(kind, start, end)
