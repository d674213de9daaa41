"""For texts of a set, the most similar one among others of the set, found by pairs of their rare shingles.

R. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", 2007: two sets that reach a
similarity share at least T of their rarest members, for each T up to what they have in common. These are
dealt to T - 1 buckets by a hash, so in one bucket the sets share two, and are looked up by pairs: a pair is
in far fewer texts than a shingle. Candidates are ruled out by the parity of their members under a hash, which
differs in no more bits than the sets in members. Nothing is missed, up to a cap on the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken
from narrowcast.similarity.codes import Codes, shared_counts
from narrowcast.similarity.ranges import ranges
from narrowcast.similarity.word_numbers import chunks, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Keys = Iterator[NDArray[np.uint64]]

# Buckets, at least, and per member that a similar set may lack: two or three of the rarest are in each.
_BUCKETS, _BUCKETS_PER_MEMBER = 15, 0.75
# Candidates that one pair gives, or one shingle of a text too short for pairs: those nearest in size.
_MOST_BY_PAIR, _MOST_BY_SHINGLE = 256, 4_096
# Words of 64 bits of parity, at least and at most; one for as many members in which similar sets may differ.
_WORDS, _MEMBERS_PER_WORD = (2, 16), 14
# Bits of each half of a posting: the upper one is the key, the lower one the place of its text.
_HALF = 32
# Shingles of texts that are looked at together.
_ENTRIES = 1 << 19
_HITS = 1 << 19
# Postings in memory together.
_POSTINGS = 1 << 23


@dataclass(frozen=True, slots=True)
class MostSimilar:
    """What `most_similar` found for each of the others.

    Attributes:
        members: its most similar member, by number; -1 where none reaches the threshold.
        similarity: the Jaccard similarity of the two; 0 where there is none.
        compared: comparisons of one of the others with a member; two that have several keys in common are
            compared several times.
    """

    members: NDArray[np.int64]
    similarity: NDArray[np.float64]
    compared: int


def most_similar(
    codes: Codes,
    members: ArrayLike,
    others: ArrayLike,
    threshold: float,
    cancel: CancelToken = UNSTOPPABLE,
) -> MostSimilar:
    """For each of `others` the most similar of `members`; of equally similar ones the first.

    Args:
        codes: of the whole set, from `codes_by_rarity`.
        members: the texts that may be found, by number.
        others: the texts to look for.
        threshold: the Jaccard similarity that counts, over 0 up to 1.
        cancel: stops it.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    texts = np.asarray(others, np.int64)
    join = _Join(codes, np.asarray(members, np.int64), texts, threshold, cancel)
    if len(join.members) and len(texts):
        paired = join.least[texts] > join.buckets
        join.by_pairs(np.flatnonzero(paired))
        join.by_shingles(np.flatnonzero(~paired))
    return MostSimilar(join.best, join.similarity, join.compared)


class _Join:
    def __init__(
        self,
        codes: Codes,
        members: NDArray[np.int64],
        others: NDArray[np.int64],
        threshold: float,
        cancel: CancelToken,
    ) -> None:
        import numpy as np

        self._codes, self._others, self._threshold, self._cancel = codes, others, threshold, cancel
        self._sizes = np.diff(codes.offsets)
        # Rounding 0.8 * 5 up to 5 would lose pairs that reach the threshold exactly.
        self.least = np.ceil(threshold * self._sizes - 1e-9).astype(np.int64)
        usual = float(np.median(self._sizes)) if len(codes) else 0.0
        few = int(_BUCKETS_PER_MEMBER * (1 - threshold) * usual)
        self.buckets = max(_BUCKETS, min(few, int(threshold * usual / 2)))
        # Of the sizes of two sets that reach the threshold, the share by which they may differ.
        self._share = (1 - threshold) / (1 + threshold)
        # By size, so that those of a like size are a run of each key's postings.
        self.members = members[np.argsort(self._sizes[members], kind="stable")]
        member_sizes = self._sizes[self.members]
        largest = int(self._sizes.max()) if len(codes) else 0
        self._places = np.searchsorted(member_sizes, np.arange(largest + 2)).astype(np.uint64)
        differing = 2 * self._share * usual / _MEMBERS_PER_WORD
        words = min(max(_WORDS[0], 1 << int(np.ceil(np.log2(max(1.0, differing))))), _WORDS[1])
        self._parity = _parity(codes, words, cancel)
        self.best = np.full(len(others), -1, np.int64)
        self.similarity = np.zeros(len(others))
        self.compared = 0

    def by_pairs(self, queries: NDArray[np.int64]) -> None:
        """Look for those of the others that have enough members for pairs."""
        if not len(queries):
            return
        import numpy as np

        first = int(self._first(np.array(self.buckets + 1)))
        places = np.arange(first, len(self.members))
        # A bucket of n members has n * (n - 1) / 2 pairs: about as many as members where it has three.
        entries = int(self._prefixes(self.members[first:], self.buckets + 1).sum())
        passes = min(self.buckets, 1 + entries // _POSTINGS)
        for number in range(passes):
            lowest, highest = (self.buckets * each // passes for each in (number, number + 1))
            postings = _sorted(self._pair_keys(self.members[places], places, lowest, highest))
            for keys in self._pair_keys(self._others[queries], queries, lowest, highest):
                self._look_up(keys, postings, _MOST_BY_PAIR)

    def by_shingles(self, queries: NDArray[np.int64]) -> None:
        """Look for those that have not."""
        if not len(queries):
            return
        import numpy as np

        largest = int(self._sizes[self._others[queries]].max() / self._threshold) + 1
        places = np.arange(int(self._first(np.array(largest + 1))))
        postings = _sorted(self._shingle_keys(self.members[places], places))
        for keys in self._shingle_keys(self._others[queries], queries):
            self._look_up(keys, postings, _MOST_BY_SHINGLE)

    def _first(self, sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The place of the first member that is at least as large."""
        import numpy as np

        return self._places[np.minimum(sizes, len(self._places) - 1)]

    def _prefixes(self, texts: NDArray[np.int64], shared: int) -> NDArray[np.int64]:
        """Two sets that reach the threshold share as many of these (all, where they are smaller)."""
        import numpy as np

        sizes = self._sizes[texts]
        return np.minimum(sizes, sizes - self.least[texts] + shared)

    def _blocks(
        self, texts: NDArray[np.int64], owners: NDArray[np.int64], shared: int
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]]:
        """Shingles of the prefixes of some texts at a time, the text of each, and whose these texts are."""
        import numpy as np

        lengths = self._prefixes(texts, shared)
        ends = np.cumsum(lengths)
        start = 0
        while start < len(texts):
            self._cancel.check()
            most = (ends[start - 1] if start else 0) + _ENTRIES
            stop = max(start + 1, int(np.searchsorted(ends, most, "right")))
            some, sizes = texts[start:stop], lengths[start:stop]
            shingles = self._codes.values[ranges(self._codes.offsets[some], sizes)].astype(np.uint64)
            text = np.repeat(np.arange(len(some), dtype=np.uint64), sizes)
            yield shingles, text, owners[start:stop].astype(np.uint64)
            start = stop

    def _shingle_keys(self, texts: NDArray[np.int64], owners: NDArray[np.int64]) -> Keys:
        import numpy as np

        for shingles, text, of in self._blocks(texts, owners, 1):
            yield (shingles << np.uint64(_HALF)) | of[text]

    def _pair_keys(
        self, texts: NDArray[np.int64], owners: NDArray[np.int64], lowest: int, highest: int
    ) -> Keys:
        """A key and its text for any two shingles of a prefix that are in one bucket, of some buckets."""
        import numpy as np

        half, low = np.uint64(_HALF), np.uint64((1 << _HALF) - 1)
        buckets = np.uint64(self.buckets)
        for shingles, text, of in self._blocks(texts, owners, self.buckets + 1):
            bucket = mixed(shingles, np.zeros(1, np.uint64)) % buckets
            # Text after text and bucket after bucket, each with its shingles in their order.
            packed = ((text * buckets + bucket) << half) | shingles
            packed = packed[(bucket >= lowest) & (bucket < highest)]
            packed.sort()
            place, shingles = packed >> half, packed & low
            for distance in range(1, len(packed)):
                same = place[distance:] == place[:-distance]
                if not same.any():
                    break
                key = mixed(shingles[:-distance][same], shingles[distance:][same])
                yield (key >> half << half) | of[place[distance:][same] // buckets]

    def _look_up(self, keys: NDArray[np.uint64], postings: NDArray[np.uint64], most: int) -> None:
        """Compare the texts of keys with the members that have the same key and may be similar."""
        import numpy as np

        keys.sort()  # what is looked up in order is found in the cache
        queries = (keys & np.uint64((1 << _HALF) - 1)).astype(np.int64)
        keys = keys >> np.uint64(_HALF) << np.uint64(_HALF)
        sizes = self._sizes[self._others[queries]]
        # Two sets that reach the threshold have at least `threshold * size` members in common.
        largest = np.floor(sizes / self._threshold + 1e-9).astype(np.int64)
        starts = np.searchsorted(postings, keys | self._first(self.least[self._others[queries]]))
        stops = np.searchsorted(postings, keys | self._first(largest + 1))
        many = np.flatnonzero(stops - starts > most)
        if len(many):
            middle = np.searchsorted(postings, keys[many] | self._first(sizes[many])) - most // 2
            starts[many] = np.clip(middle, starts[many], stops[many] - most)
            stops[many] = starts[many] + most
        counts = stops - starts
        hit = np.flatnonzero(counts)
        total = np.cumsum(counts[hit])
        begin = 0
        while begin < len(hit):
            self._cancel.check()
            end = (total[begin - 1] if begin else 0) + _HITS
            stop = max(begin + 1, int(np.searchsorted(total, end, "right")))
            some = hit[begin:stop]
            places = postings.view("<u4")[::2][ranges(starts[some], counts[some])]
            self._rule_out(queries[some], counts[some], self.members[places])
            begin = stop

    def _rule_out(
        self, queries: NDArray[np.int64], counts: NDArray[np.int64], members: NDArray[np.int64]
    ) -> None:
        """Compare each with as many of the members as its count says, but for those that differ too much."""
        import numpy as np

        self.compared += len(members)
        text = self._others[queries]
        most = self._share * (1 + 1 / self._threshold) * self._sizes[text] + 1e-6
        limit = np.repeat(np.minimum(most, 64 * len(self._parity)).astype(np.uint16), counts)
        apart = np.zeros(len(members), np.uint16)
        queries = np.repeat(queries, counts)
        for word in self._parity:
            apart += np.bitwise_count(word[self._others[queries]] ^ word[members])
            near = np.flatnonzero(apart <= limit)
            if len(near) < len(apart):
                queries, members, apart, limit = queries[near], members[near], apart[near], limit[near]
        sizes = self._sizes[self._others[queries]] + self._sizes[members]
        likely = apart <= self._share * sizes + 1e-6
        if likely.any():
            self._compare(queries[likely], members[likely])

    def _compare(self, queries: NDArray[np.int64], members: NDArray[np.int64]) -> None:
        """Keep the most similar member of each."""
        import numpy as np

        pairs = np.unique(queries * len(self._codes) + members)
        queries, members = pairs // len(self._codes), pairs % len(self._codes)
        text = self._others[queries]
        shared = shared_counts(self._codes, text, members)
        union = self._sizes[text] + self._sizes[members] - shared
        near = shared >= self._threshold * union
        queries, members, similarity = queries[near], members[near], (shared / union)[near]
        # The best of each last, so that it is the one that stays.
        order = np.lexsort((-members, similarity, queries))
        queries, members, similarity = queries[order], members[order], similarity[order]
        best = np.ones(len(queries), np.bool_)
        best[:-1] = queries[1:] != queries[:-1]
        queries, members, similarity = queries[best], members[best], similarity[best]
        known, before = self.best[queries], self.similarity[queries]
        better = (similarity > before) | ((similarity == before) & (members < known))
        self.best[queries[better]] = members[better]
        self.similarity[queries[better]] = similarity[better]


def _sorted(keys: Keys) -> NDArray[np.uint64]:
    import numpy as np

    parts = list(keys)
    postings = np.concatenate(parts) if parts else np.empty(0, np.uint64)
    del parts
    postings.sort()
    return postings


def _parity(codes: Codes, words: int, cancel: CancelToken) -> list[NDArray[np.uint64]]:
    """Of each text, whether an even or an odd number of its members falls on a bit; word after word."""
    import numpy as np

    parities = [np.empty(len(codes), np.uint64) for _ in range(words)]
    for start, stop in chunks(codes, cancel):
        offsets = codes.offsets[start : stop + 1]
        place = (codes.values[offsets[0] : offsets[-1]] * np.uint32(0x9E3779B1)) >> np.uint32(20)
        bits = np.uint64(1) << (place & np.uint32(63)).astype(np.uint64)
        word = (place >> np.uint32(6)) % np.uint32(words)
        for number, parity in enumerate(parities):
            here = np.where(word == number, bits, np.uint64(0))
            parity[start:stop] = np.bitwise_xor.reduceat(here, offsets[:-1] - offsets[0])
    return parities
