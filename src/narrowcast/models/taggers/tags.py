"""Tags of words and the spans they stand for: outside, or the begin or the inside of a span of a kind (BIO).

Ramshaw and Marcus 1995, "Text Chunking using Transformation-Based Learning". Tags are numbers: 0 is outside,
1 + 2k the begin and 2 + 2k the inside of a span of kind k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from narrowcast.models.taggers.words import Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

OUTSIDE = 0
Place = tuple[str, int, int]
"""A span by its kind and character offsets."""


def tag_names(kinds: Sequence[str]) -> list[str]:
    """By number of the tag."""
    return ["O", *(f"{letter}-{kind}" for kind in kinds for letter in "BI")]


def tags_of(words: Sequence[Word], spans: Sequence[Place], kinds: Sequence[str]) -> list[int] | str:
    """The tag of each word; or why there are none for these spans.

    Reasons: `spans_overlap`, for spans that share a character, and `span_inside_word`, for one that begins or
    ends elsewhere than words do.
    """
    starts = {word.start: number for number, word in enumerate(words)}
    ends = {word.end: number for number, word in enumerate(words)}
    tags, taken = [OUTSIDE] * len(words), -1
    for kind, start, end in sorted(set(spans), key=lambda span: (span[1], span[2])):
        if start < taken:
            return "spans_overlap"
        if start not in starts or end not in ends:
            return "span_inside_word"
        begin, taken = 1 + 2 * kinds.index(kind), end
        first, last = starts[start], ends[end]
        tags[first : last + 1] = [begin] + [begin + 1] * (last - first)
    return tags


def likeliest(scores: Floats) -> list[int]:
    """The sequence of tags with the highest sum of scores in which an inside follows its own span alone.

    Viterbi's algorithm; the scores have the shape (words, tags).
    """
    import numpy as np

    count, width = scores.shape
    if not count:
        return []
    begins, insides = np.arange(1, width, 2), np.arange(2, width, 2)
    best = scores[0].astype(np.float64)
    best[insides] = -np.inf
    before = np.zeros((count, width), dtype=np.int64)
    for at in range(1, count):
        before[at] = best.argmax()
        # Of two equal ways into an inside, the one that began the span here.
        grows = best[insides] > best[begins]
        before[at, insides] = np.where(grows, insides, begins)
        best = best[before[at]] + scores[at]
    tag = int(best.argmax())
    tags = [tag]
    for at in range(count - 1, 0, -1):
        tag = int(before[at, tag])
        tags.append(tag)
    return tags[::-1]


def spans_of(words: Sequence[Word], tags: Sequence[int], kinds: Sequence[str]) -> list[Place]:
    """The spans that tags stand for, from left to right; an inside must follow its own span."""
    spans: list[Place] = []
    for word, tag in zip(words, tags, strict=True):
        if tag == OUTSIDE:
            continue
        kind = kinds[(tag - 1) // 2]
        start = word.start if tag % 2 else spans.pop()[1]
        spans.append((kind, start, word.end))
    return spans
