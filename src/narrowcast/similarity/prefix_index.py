"""Which texts of a set are similar to a given one, found by their rare shingles.

R. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", 2007: two sets that reach a
similarity share some of their rarest members, so it is enough to look those up. Nothing is missed, up to a
cap on the comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.progress import UNSTOPPABLE, CancelToken
from narrowcast.similarity.codes import Codes, shingle_codes
from narrowcast.similarity.ranges import ranges

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Candidates compared for one text, the ones that share most rare shingles first.
_COMPARISONS = 200
# Rare shingles that two similar texts must share before they are compared: more of them prune more.
_SHARED = 8
# Bits of each half of a posting: the upper one is the shingle, the lower one the place of a member.
_HALF = 32
_BLOCK = 1 << 14


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
        known = int(codes.values.max()) + 1 if len(codes.values) else 1
        self._marks = np.zeros(known, dtype=bool)
        numbers = np.asarray(members, dtype=np.int64)
        # Members by size, so that those of a like size are a run of each shingle's postings.
        self._members = numbers[np.argsort(self._sizes[numbers], kind="stable")]
        self._member_sizes = self._sizes[self._members]
        self._postings = self._posted()
        self._places = self._postings.view("<u4")[::2]

    def _posted(self) -> NDArray[np.uint64]:
        """Shingle and place of the member, as one number, for each shingle of each prefix; ascending."""
        import numpy as np

        lengths = self._prefix_lengths(self._member_sizes)
        ends = np.cumsum(lengths)
        postings = np.empty(int(ends[-1]) if len(ends) else 0, "<u8")
        for start in range(0, len(lengths), _BLOCK):
            some = lengths[start : start + _BLOCK]
            shingles = self._codes.values[
                ranges(self._codes.offsets[self._members[start : start + _BLOCK]], some)
            ]
            places = np.repeat(np.arange(start, start + len(some), dtype=np.uint64), some)
            stop = int(ends[start + len(some) - 1])
            postings[stop - len(shingles) : stop] = (shingles.astype(np.uint64) << np.uint64(_HALF)) | places
        postings.sort()
        return postings

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

    def _candidates(self, mine: NDArray[Any]) -> NDArray[np.int64]:
        """Members that share enough rare shingles and are of like size, most shared first."""
        import numpy as np

        least = self._least(len(mine))
        prefix = mine[: self._prefix_lengths(np.array([len(mine)]))[0]]
        # Two sets that reach the threshold have at least `threshold * size` members in common.
        low = np.searchsorted(self._member_sizes, least)
        high = np.searchsorted(self._member_sizes, math.floor(len(mine) / self._threshold), "right")
        shingles = prefix.astype(np.uint64) << np.uint64(_HALF)
        starts = np.searchsorted(self._postings, shingles | np.uint64(low))
        stops = np.searchsorted(self._postings, shingles | np.uint64(high))
        # Copied run by run, which is quicker than to gather the places one by one.
        posted = np.concatenate(
            [self._places[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        )
        posted.sort()
        # Sorted, a member that occurs n times equals the entry n - 1 places before.
        before = min(_SHARED, least) - 1
        places = np.unique(posted[before:][posted[before:] == posted[: max(0, len(posted) - before)]])
        shared = np.searchsorted(posted, places, "right") - np.searchsorted(posted, places)
        members = self._members[places]
        found: NDArray[np.int64] = members[np.lexsort((members, -shared))[:_COMPARISONS]]
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


def codes_by_rarity(texts: Sequence[str], cancel: CancelToken = UNSTOPPABLE) -> Codes:
    """The shingles of each text, each once, as numbers: the rarest of all texts is 0, and comes first.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    # As many as there can be; what is not written to takes no memory.
    values = np.empty(sum(max(1, len(text) - 2) for text in texts), np.uint32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    numbers = _Numbers()
    first = 0
    for codes in shingle_codes(texts, cancel):
        stop = first + len(codes)
        once = _once_each(numbers.of(codes.values), np.diff(codes.offsets))
        numbers.count(once.values)
        offsets[first + 1 : stop + 1] = offsets[first] + once.offsets[1:]
        values[offsets[first] : offsets[stop]] = once.values
        first = stop
    ranks = numbers.ranks()
    for first in range(0, len(texts), _BLOCK):
        cancel.check()
        part = offsets[first : first + _BLOCK + 1]
        values[part[0] : part[-1]] = _once_each(ranks[values[part[0] : part[-1]]], np.diff(part)).values
    return Codes(values[: offsets[-1]], offsets)


class _Numbers:
    """Shingles numbered as they come, and how many texts hold each."""

    def __init__(self) -> None:
        import numpy as np

        self._known = np.empty(0, np.uint64)  # ascending
        self._numbers = np.empty(0, np.uint32)  # of those
        self._counts = np.empty(0, np.int64)  # by number

    def of(self, shingles: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """The number of each; those not seen before get the next ones."""
        import numpy as np

        each, which = np.unique(shingles, return_inverse=True)
        places = np.searchsorted(self._known, each)
        new = np.ones(len(each), np.bool_)
        inside = places < len(self._known)
        new[inside] = self._known[places[inside]] != each[inside]
        size, more = len(self._known), int(new.sum())
        self._known = np.insert(self._known, places[new], each[new])
        added = np.arange(size, size + more, dtype=np.uint32)
        self._numbers = np.insert(self._numbers, places[new], added)
        self._counts = np.concatenate([self._counts, np.zeros(more, np.int64)])
        numbers: NDArray[np.uint32] = self._numbers[np.searchsorted(self._known, each)][which]
        return numbers

    def count(self, numbers: NDArray[np.uint32]) -> None:
        """Texts hold these; a number comes once for each text."""
        import numpy as np

        each, more = np.unique(numbers, return_counts=True)
        self._counts[each] += more

    def ranks(self) -> NDArray[np.uint32]:
        """By number: 0 for the shingle that fewest texts hold; of those alike, for the least."""
        import numpy as np

        ranks = np.empty(len(self._known), np.uint32)
        order = np.lexsort((self._known, self._counts[self._numbers]))
        ranks[self._numbers[order]] = np.arange(len(ranks), dtype=np.uint32)
        return ranks


def _once_each(values: NDArray[np.uint32], sizes: NDArray[np.int64]) -> Codes:
    """The numbers of each text, each once, ascending."""
    import numpy as np

    both = np.repeat(np.arange(len(sizes), dtype=np.uint64) << np.uint64(32), sizes)
    both |= values
    both.sort()
    first = np.ones(len(both), np.bool_)
    first[1:] = both[1:] != both[:-1]
    both = both[first]
    counts = np.bincount((both >> np.uint64(32)).astype(np.int64), minlength=len(sizes))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Codes((both & np.uint64(0xFFFFFFFF)).astype(np.uint32), offsets)
