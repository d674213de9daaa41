"""Which texts of a set are similar to a given one, found by their rare shingles.

R. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", 2007: two sets that reach a
similarity share some of their rarest members, so it is enough to look those up. Nothing is missed, up to a
cap on the comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.similarity.codes import Codes, shingle_codes
from narrowcast.similarity.ranges import ranges

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Candidates compared for one text, the ones that share most rare shingles first.
_COMPARISONS = 200
# Rare shingles that two similar texts must share before they are compared: more of them prune more.
_SHARED = 8


class PrefixIndex:
    """The texts `members` of a set, to be asked with any text of the set.

    Args:
        codes: of the whole set, from `codes_by_rarity`.
        members: the texts that may be found, by number.
        threshold: the Jaccard similarity that counts, over 0 up to 1.
    """

    def __init__(self, codes: Codes, members: Sequence[int], threshold: float) -> None:
        import numpy as np

        self._codes = codes
        self._threshold = threshold
        self._sizes = np.diff(codes.offsets)
        self._marks = np.zeros(int(codes.values.max()) + 1 if len(codes.values) else 1, dtype=bool)
        numbers = np.asarray(members, dtype=np.int32)
        prefixes = self._prefix_lengths(self._sizes[numbers])
        places = ranges(codes.offsets[numbers], prefixes)
        shingles = codes.values[places]
        order = np.argsort(shingles, kind="stable")
        self._posted = np.repeat(numbers, prefixes)[order]
        self._starts = np.searchsorted(shingles[order], np.arange(len(self._marks) + 1))

    def similar_to(self, number: int) -> tuple[int | None, int]:
        """The similar member that shares most rare shingles, and how many were compared."""
        import numpy as np

        mine = self._codes.of(number)
        candidates = self._candidates(mine)
        if not len(candidates):
            return None, 0
        sizes = self._sizes[candidates]
        theirs = self._codes.values[ranges(self._codes.offsets[candidates], sizes)]
        self._marks[mine] = True
        starts = np.cumsum(sizes) - sizes
        shared = np.add.reduceat(self._marks[theirs], starts, dtype=np.int64)
        self._marks[mine] = False
        similar = np.flatnonzero(shared >= self._threshold * (len(mine) + sizes - shared))
        first = int(candidates[similar[0]]) if len(similar) else None
        return first, len(candidates)

    def similarity(self, left: int, right: int) -> float:
        """The Jaccard similarity of two texts of the set."""
        import numpy as np

        mine, theirs = self._codes.of(left), self._codes.of(right)
        shared = len(np.intersect1d(mine, theirs, assume_unique=True))
        return shared / (len(mine) + len(theirs) - shared)

    def _candidates(self, mine: NDArray[Any]) -> NDArray[np.int32]:
        """Members that share enough rare shingles and are of like size, most shared first."""
        import numpy as np

        least = self._least(len(mine))
        prefix = mine[: self._prefix_lengths(np.array([len(mine)]))[0]]
        starts = self._starts[prefix]
        posted = self._posted[ranges(starts, self._starts[prefix + 1] - starts)]
        posted.sort()
        # Sorted, a member that occurs n times equals the entry n - 1 places before.
        before = min(_SHARED, least) - 1
        members = np.unique(posted[before:][posted[before:] == posted[: max(0, len(posted) - before)]])
        # Two sets that reach the threshold have at least `threshold * size` members in common.
        sizes = self._sizes[members]
        members = members[(sizes >= least) & (sizes <= len(mine) / self._threshold)]
        shared = np.searchsorted(posted, members, "right") - np.searchsorted(posted, members)
        found: NDArray[np.int32] = members[np.argsort(-shared, kind="stable")[:_COMPARISONS]]
        return found

    def _least(self, size: int) -> int:
        # Rounding 0.8 * 5 up to 5 would lose pairs that reach the threshold exactly.
        return math.ceil(self._threshold * size - 1e-9)

    def _prefix_lengths(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Two sets that reach the threshold share `_SHARED` of these (all, where they are smaller)."""
        import numpy as np

        least = np.ceil(self._threshold * sizes - 1e-9).astype(np.int64)
        lengths: NDArray[np.int64] = np.minimum(sizes, sizes - least + _SHARED)
        return lengths


def codes_by_rarity(texts: Sequence[str]) -> Codes:
    """The shingles of each text, each once, as numbers: the rarest of all texts is 0, and comes first."""
    import numpy as np

    chunks = [_once_each(codes) for codes in shingle_codes(texts)]
    if not chunks:
        return Codes(np.empty(0, np.uint32), np.zeros(1, np.int64))
    known = np.empty(0, np.uint64)
    counts = np.empty(0, np.int64)
    for codes in chunks:
        known, counts = _added(known, counts, codes.values)
    ranks = np.empty(len(known), np.uint32)
    ranks[np.lexsort((known, counts))] = np.arange(len(known), dtype=np.uint32)
    values = np.concatenate([_ranked(codes, known, ranks) for codes in chunks])
    sizes = np.concatenate([np.diff(codes.offsets) for codes in chunks])
    return Codes(values, np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]))


def _once_each(codes: Codes) -> Codes:
    import numpy as np

    texts = np.repeat(np.arange(len(codes), dtype=np.int64), np.diff(codes.offsets))
    order = np.lexsort((codes.values, texts))
    values, texts = codes.values[order], texts[order]
    first = np.ones(len(values), dtype=bool)
    first[1:] = (values[1:] != values[:-1]) | (texts[1:] != texts[:-1])
    sizes = np.bincount(texts[first], minlength=len(codes))
    return Codes(values[first], np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]))


def _added(
    known: NDArray[np.uint64], counts: NDArray[np.int64], values: NDArray[Any]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """How many texts hold each shingle, these included."""
    import numpy as np

    new, more = np.unique(values, return_counts=True)
    every = np.union1d(known, new)
    total = np.zeros(len(every), np.int64)
    total[np.searchsorted(every, known)] += counts
    total[np.searchsorted(every, new)] += more
    return every, total


def _ranked(codes: Codes, known: NDArray[np.uint64], ranks: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The ranks of each text's shingles, ascending within the text."""
    import numpy as np

    values = ranks[np.searchsorted(known, codes.values)]
    texts = np.repeat(np.arange(len(codes), dtype=np.uint64), np.diff(codes.offsets))
    both = (texts << np.uint64(32)) | values
    both.sort()
    return (both & np.uint64(0xFFFFFFFF)).astype(np.uint32)
