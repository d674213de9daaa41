"""Which texts are nearly the same: MinHash finds candidates, their shingle sets decide.

A. Broder, "On the resemblance and containment of documents", 1997. The sketches come from rensa (Rust).
Texts that share a band of their sketch are candidates; those whose real Jaccard similarity reaches the
threshold are joined. Groups are connected components, so they do not depend on the order of the texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from narrowcast.similarity.shingles import Shingler, jaccard, shingler_for, words_of
from narrowcast.similarity.union_find import UnionFind

_SKETCH = 128
_SEED = 1
_CHUNK = 8_192
# A pair exactly at the threshold shares a band with at least this probability.
_RECALL = 0.995
# In a bucket of thousands (one template, filled in) every text is compared with this many neighbours only;
# what is joined is right all the same, and the leakage check looks for what was missed.
_NEIGHBOURS = 64


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Groups of two and more texts, by their numbers; and how many pairs were compared."""

    groups: list[list[int]]
    checked_pairs: int


def near_duplicates(texts: Sequence[str], threshold: float) -> NearDuplicates:
    """Group texts whose shingle sets have a Jaccard similarity of at least `threshold` (0 < t <= 1).

    Case, white space and punctuation do not count. Time grows with the number of texts, not its square.
    """
    positions: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        positions.setdefault(words_of(text), []).append(number)
    unique = sorted(positions)  # a fixed order, in which similar texts tend to be neighbours
    sets, checked = _join_similar(unique, threshold)
    groups = (
        [number for member in component for number in positions[unique[member]]]
        for component in sets.components()
    )
    return NearDuplicates(sorted(sorted(group) for group in groups if len(group) > 1), checked)


def _join_similar(texts: list[str], threshold: float) -> tuple[UnionFind, int]:
    shingles = shingler_for(texts)
    cached = lru_cache(maxsize=2 * _NEIGHBOURS)(lambda number: shingles(texts[number]))
    sets, checked = UnionFind(len(texts)), 0
    for bucket in _buckets(texts, shingles, threshold):
        for place, number in enumerate(bucket):
            for other in reversed(bucket[max(0, place - _NEIGHBOURS) : place]):
                if sets.find(number) == sets.find(other):
                    continue
                checked += 1
                if jaccard(cached(number), cached(other)) >= threshold:
                    sets.union(number, other)
    return sets, checked


def _buckets(texts: list[str], shingles: Shingler, threshold: float) -> Iterator[list[int]]:
    """Numbers of texts that share a band of their sketches, two and more, ascending."""
    rows, bands = _banding(threshold)
    keys = _band_keys(texts, shingles, rows, bands)
    for band in keys:
        first: dict[int, int] = {}
        more: dict[int, list[int]] = {}
        for number, key in enumerate(band):
            if first.setdefault(key, number) != number:
                more.setdefault(key, [first[key]]).append(number)
        yield from more.values()


def _band_keys(texts: list[str], shingles: Shingler, rows: int, bands: int) -> list[array[int]]:
    """One hash a text and band; the sketches themselves are not kept."""
    from rensa import RMinHash

    keys = [array("q") for _ in range(bands)]
    for start in range(0, len(texts), _CHUNK):
        sets = [shingles(text) for text in texts[start : start + _CHUNK]]
        for sketch in RMinHash.digests_from_token_sets(sets, rows * bands, _SEED):
            for band, column in enumerate(keys):
                column.append(hash(tuple(sketch[band * rows : (band + 1) * rows])))
    return keys


def _banding(threshold: float) -> tuple[int, int]:
    """Rows a band and bands: the longest band that still finds pairs at the threshold."""
    for rows in range(_SKETCH, 1, -1):
        bands = _SKETCH // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return rows, bands
    return 1, _SKETCH
