"""What of one set of texts can be found in another: exactly, nearly, or in other words.

Each text is counted under the strongest kind that holds for it, so the counts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from narrowcast.core.progress import CancelToken, stoppable
from narrowcast.core.work import Work
from narrowcast.similarity.copies import edited_copies
from narrowcast.similarity.embedders import Embedder
from narrowcast.similarity.rarity import codes_by_rarity
from narrowcast.similarity.semantic import nearest
from narrowcast.similarity.set_join import most_similar
from narrowcast.similarity.shingles import normalised, words_of


class Kind(StrEnum):
    """How a text was found in the other set."""

    EXACT = "exact"
    """Equal but for case, white space and Unicode form."""
    NEAR = "near"
    """The Jaccard similarity of the shingles reaches the threshold, or one is an edited copy of the other."""
    SEMANTIC = "semantic"
    """The cosine of the vectors reaches the embedder's threshold."""


@dataclass(frozen=True, slots=True)
class Match:
    """Text `right` of one set says what `left` of the other does; each kind has its own measure."""

    left: int
    right: int
    kind: Kind
    similarity: float


def compare(
    left: Sequence[str],
    right: Sequence[str],
    *,
    similarity: float = 0.8,
    copies: bool = True,
    by: Embedder | None = None,
    meaning: float | None = None,
    work: Work | None = None,
) -> list[Match]:
    """Where and how texts of `right` are found in `left`, ascending by their number in `right`.

    Args:
        left: the set to search, train for instance.
        right: the set whose texts should not be in it.
        similarity: least Jaccard similarity of two near-duplicates.
        copies: count edited copies as near-duplicates too.
        by: compares what is left by meaning; not done where None.
        meaning: cosine from which two texts are semantic duplicates; the embedder's own where None.
        work: shows progress, and stops it.

    Raises:
        CancelledError: on request.
    """
    work = work or Work()
    cancel = work.cancel
    matches = _exact(left, right, cancel)
    rest = _without(right, matches)
    matches += _near(left, right, rest, similarity, cancel)
    if copies:
        matches += _copies(left, right, _without(right, matches), cancel)
    if by is not None:
        rest = _without(right, matches)
        limit = by.threshold if meaning is None else meaning
        hits = nearest([right[number] for number in rest], left, by, limit, work)
        matches += [
            Match(each.number, number, Kind.SEMANTIC, round(each.similarity, 3))
            for number, each in zip(rest, hits, strict=True)
            if each is not None
        ]
    return sorted(matches, key=lambda match: match.right)


def _without(right: Sequence[str], matches: Sequence[Match]) -> list[int]:
    matched = {match.right for match in matches}
    return [number for number in range(len(right)) if number not in matched]


def _exact(left: Sequence[str], right: Sequence[str], cancel: CancelToken) -> list[Match]:
    first: dict[str, int] = {}
    for number, text in enumerate(stoppable(left, cancel)):
        first.setdefault(normalised(text), number)
    return [
        Match(first[form], number, Kind.EXACT, 1.0)
        for number, form in enumerate(map(normalised, stoppable(right, cancel)))
        if form in first
    ]


def _near(
    left: Sequence[str], right: Sequence[str], rest: Sequence[int], similarity: float, cancel: CancelToken
) -> list[Match]:
    if not left or not rest:
        return []
    texts = [words_of(text) for text in stoppable(left, cancel)] + [
        words_of(right[number]) for number in rest
    ]
    here = range(len(left), len(texts))
    similar = most_similar(codes_by_rarity(texts, cancel), range(len(left)), here, similarity, cancel)
    each = zip(rest, similar.members.tolist(), similar.similarity.tolist(), strict=True)
    return [
        Match(member, number, Kind.NEAR, round(how_much, 3))
        for number, member, how_much in each
        if member >= 0
    ]


def _copies(
    left: Sequence[str], right: Sequence[str], rest: Sequence[int], cancel: CancelToken
) -> list[Match]:
    """The most similar text of `left` for each of the rest that is an edited copy of one."""
    if not left or not rest:
        return []
    numbers: dict[str, list[int]] = {}
    for number in rest:
        numbers.setdefault(words_of(right[number]), []).append(number)
    # Left in front, so that a form that both have stands for the left one; those are near-duplicates already.
    found: dict[int, Match] = {}
    for copy in edited_copies([*left, *(right[number] for number in rest)], cancel):
        first, second = sorted((copy.left, copy.right))
        if first < len(left) <= second:
            for number in numbers[words_of(right[rest[second - len(left)]])]:
                found.setdefault(number, Match(first, number, Kind.NEAR, copy.similarity))
    return list(found.values())
