"""Edited copies: texts that one of a few realistic edits turns into each other, though their shingles differ.

- A word in ten or so was replaced, dropped or added: the words that both have weigh most of what both weigh,
  and most are in the same order.
- Letters were mistyped: few insertions, deletions, replacements and swaps apart.
- One is a part of the other: see `containment`.

Two texts with different numbers are no copies of each other. Neither is a text a copy that is as near to
many others: what they differ by is what these rows are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, Parts
from narrowcast.core.work import Work
from narrowcast.similarity.candidates import candidate_blocks
from narrowcast.similarity.codes import Codes, in_common, pair_members, shared_counts
from narrowcast.similarity.containment import contained_pairs
from narrowcast.similarity.edit_distance import LONGEST, edit_distances
from narrowcast.similarity.forms import Forms, forms_of
from narrowcast.similarity.rarity import codes_by_rarity
from narrowcast.similarity.word_numbers import NumberedWords, numbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Least share of what the words of both texts weigh.
_SHARED = 0.76
# Least share of the shorter text's adjacent words that are adjacent in the longer one: the same words in
# another order are another text.
_IN_ORDER = 0.3
# Most typos per character, of texts up to 64 characters.
_TYPOS = 0.15
# Longer ones: shingles that typos may change, three of them; from 112 characters on, that is similarity 0.8.
_CHANGED = 24
_WORDS_AT_A_TIME = 1 << 18
# How long the parts take, in short texts of which one in five is a copy.
_PARTS = {"words": 1.0, "contained": 1.0, "runs": 2.0, "pairs": 6.0}
_COPIES = 32
"""A text with more copies than this is a template."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Two texts, by number, and how much they share, from 0 to 1."""

    left: int
    right: int
    similarity: float


def edited_copies(texts: Sequence[str], cancel: CancelToken = UNSTOPPABLE) -> list[Copy]:
    """Pairs of edited copies, the most similar first; time grows with the number of texts, not its square.

    Of texts whose normal forms are equal, the first stands for all.

    Raises:
        CancelledError: on request.
    """
    return copies_of(forms_of(texts, cancel), Work(cancel=cancel))


def copies_of(forms: Forms, work: Work) -> list[Copy]:
    """The same for texts whose normal forms are known, as a phase that shows its progress.

    Raises:
        CancelledError: on request.
    """
    empty = bool(forms.unique) and not forms.unique[0]
    texts, first = (forms.unique[1:], forms.first[1:]) if empty else (forms.unique, forms.first)
    cancel, parts = work.cancel, Parts(work.progress, "finding edited copies", len(forms.of), _PARTS)
    known = numbered(texts, cancel, parts.of("words"))
    pairs = dict.fromkeys(contained_pairs(texts, known.words, cancel, parts.of("contained")), 1.0)
    pairs.update(_near(texts, known, cancel, parts))
    order = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    return [Copy(int(first[left]), int(first[right]), round(pairs[left, right], 3)) for left, right in order]


def _near(
    forms: Sequence[str], known: NumberedWords, cancel: CancelToken, parts: Parts
) -> dict[tuple[int, int], float]:
    import numpy as np

    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    lengths = np.fromiter(map(len, forms), np.int64, len(forms))
    for left, right in _pairs(known, cancel, parts):
        shared, same_numbers = _shared_weight(known, left, right)
        left, right, shared = left[same_numbers], right[same_numbers], shared[same_numbers]
        heavy = np.flatnonzero(shared >= _SHARED)
        shared[heavy] *= _in_order(known.neighbours, left[heavy], right[heavy])
        typed = _typed(forms, lengths, left, right, shared)
        similarity = np.where(shared >= _SHARED, shared, typed)
        near = similarity > 0
        found.append((left[near], right[near], similarity[near]))
    if not found:
        return {}
    left, right, similarity = (np.concatenate(each) for each in zip(*found, strict=True))
    copies = np.bincount(np.concatenate([left, right]), minlength=len(forms))
    few = np.maximum(copies[left], copies[right]) <= _COPIES
    pairs = zip(left[few].tolist(), right[few].tolist(), strict=True)
    return dict(zip(pairs, similarity[few].tolist(), strict=True))


def _pairs(
    known: NumberedWords, cancel: CancelToken, parts: Parts
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs to compare, with about a million words at a time."""
    import numpy as np

    sizes = np.diff(known.sets.offsets)
    shares = {"indexed": parts.of("runs"), "paired": parts.of("pairs")}
    for left, right in candidate_blocks(known.words, cancel, **shares):
        total = np.cumsum(sizes[left] + sizes[right])
        start = 0
        while start < len(left):
            end = (total[start - 1] if start else 0) + _WORDS_AT_A_TIME
            stop = max(start + 1, int(np.searchsorted(total, end, "right")))
            cancel.check()
            yield left[start:stop], right[start:stop]
            start = stop


def _shared_weight(
    known: NumberedWords, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Share of the weight that both texts have in common; whether one has no number that the other lacks."""
    import numpy as np

    one, other = pair_members(known.sets, left), pair_members(known.sets, right)
    both = in_common(one, other)

    def summed(members: NDArray[np.uint64], values: NDArray[np.float32]) -> NDArray[np.float64]:
        pair, word = (members >> np.uint64(32)).astype(np.int64), members & np.uint64(0xFFFFFFFF)
        return np.bincount(pair, values[word], minlength=len(left)).astype(np.float64)

    weights, numeric = known.weights, known.numeric.astype(np.float32)
    common, common_numbers = summed(both, weights), summed(both, numeric)
    total = summed(one, weights) + summed(other, weights)
    lacking = (summed(side, numeric) - common_numbers for side in (one, other))
    return 2 * common / np.maximum(total, 1e-9), np.minimum(*lacking) < 0.5


def _in_order(neighbours: Codes, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether enough of the words that are adjacent in one text are so in the other."""
    import numpy as np

    shared = shared_counts(neighbours, left, right)
    sizes = np.diff(neighbours.offsets)
    found: NDArray[np.bool_] = shared >= _IN_ORDER * np.minimum(sizes[left], sizes[right])
    return found


def _typed(
    forms: Sequence[str],
    lengths: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    shared: NDArray[np.float64],
) -> NDArray[np.float64]:
    """One less the typos per character where they are few, else 0."""
    import numpy as np

    similarity = np.zeros(len(left))
    longest = np.maximum(lengths[left], lengths[right])
    alike = (shared < _SHARED) & (np.abs(lengths[left] - lengths[right]) <= _TYPOS * longest)
    short = np.flatnonzero(alike & (longest <= LONGEST))
    typos = edit_distances(forms, left[short], right[short]) / longest[short]
    similarity[short] = np.where(typos <= _TYPOS, 1 - typos, 0.0)
    long = np.flatnonzero(alike & (longest > LONGEST) & (longest < 120))
    if len(long):
        similarity[long] = _alike(forms, left[long], right[long], longest[long])
    return similarity


def _alike(
    forms: Sequence[str], left: NDArray[np.int64], right: NDArray[np.int64], longest: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The Jaccard similarity of the shingles where three typos may explain it, else 0."""
    import numpy as np

    texts, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    codes = codes_by_rarity([forms[text] for text in texts.tolist()])
    one, other = places[: len(left)], places[len(left) :]
    shared = shared_counts(codes, one, other)
    held = np.diff(codes.offsets)
    sizes = held[one] + held[other]
    jaccard = shared / np.maximum(sizes - shared, 1)
    return np.where(jaccard >= 1 - _CHANGED / (longest + 8), jaccard, 0.0)
