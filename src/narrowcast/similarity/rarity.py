"""The shingles of texts as numbers in the order of their rarity, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken
from narrowcast.similarity.codes import Codes, shingle_codes
from narrowcast.similarity.word_numbers import chunks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    for first, stop in chunks(Codes(values, offsets), cancel):
        part = offsets[first : stop + 1]
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
