"""MinHash sketches and their bands, for all texts at once.

A. Broder, "On the resemblance and containment of documents", 1997. Written in numpy because no library
hands sketches over without making a Python number of each: rensa 0.5 sketches as fast, but passing 126
numbers a text to the caller takes it four times as long as all that is done here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from narrowcast.similarity.codes import Codes, shingle_codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SKETCH = 128
_SEED = 1
# A pair exactly at the threshold shares a band with at least this probability.
_RECALL = 0.995


def buckets(texts: Sequence[str], threshold: float) -> Iterator[list[int]]:
    """Numbers of texts that share a band of their sketches, two and more, ascending; band after band."""
    import numpy as np

    keys = _band_keys(texts, threshold)
    for band in keys:
        order = np.argsort(band, kind="stable")
        ordered = band[order]
        same = np.flatnonzero(ordered[1:] == ordered[:-1])
        if not len(same):
            continue
        # Equal neighbours form runs: one begins where the equal pair before it is not next to it.
        first = np.flatnonzero(np.diff(same, prepend=-2) > 1)
        last = np.append(first[1:], len(same)) - 1
        for start, end in zip(same[first].tolist(), (same[last] + 2).tolist(), strict=True):
            yield order[start:end].tolist()


def banding(threshold: float) -> tuple[int, int]:
    """Rows a band and bands: the longest band that still finds pairs at the threshold."""
    for rows in range(SKETCH, 1, -1):
        bands = SKETCH // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return rows, bands
    return 1, SKETCH


def _band_keys(texts: Sequence[str], threshold: float) -> NDArray[np.uint64]:
    """Shape (bands, texts): a hash of each band of each text. Equal bands have equal hashes."""
    import numpy as np

    rows, bands = banding(threshold)
    chance = np.random.default_rng(_SEED)
    multipliers = chance.integers(1 << 31, 1 << 32, rows * bands, dtype=np.uint32) | np.uint32(1)
    additions = chance.integers(0, 1 << 32, rows * bands, dtype=np.uint32)
    keys = np.empty((bands, len(texts)), dtype=np.uint64)
    start = 0
    for codes in shingle_codes(texts):
        sketch = _sketch(codes, multipliers, additions)
        for band in range(bands):
            keys[band, start : start + len(codes)] = _hashed(sketch[band * rows : (band + 1) * rows])
        start += len(codes)
    return keys


def _sketch(
    codes: Codes, multipliers: NDArray[np.uint32], additions: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Shape (permutations, texts): the least of each text's shingles under each permutation."""
    import numpy as np

    mixed = (_mixed(codes.values.astype(np.uint64)) >> np.uint64(32)).astype(np.uint32)
    starts = codes.offsets[:-1]
    sketch = np.empty((len(multipliers), len(codes)), dtype=np.uint32)
    permuted = np.empty_like(mixed)
    for place, (factor, addition) in enumerate(zip(multipliers, additions, strict=True)):
        np.multiply(mixed, factor, out=permuted)
        np.add(permuted, addition, out=permuted)
        np.minimum.reduceat(permuted, starts, out=sketch[place])
    return sketch


def _hashed(band: NDArray[np.uint32]) -> NDArray[np.uint64]:
    import numpy as np

    key = np.zeros(band.shape[1], dtype=np.uint64)
    for row in band:
        key = _mixed(key ^ row.astype(np.uint64))
    return key


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of the result depends on every bit of the value (the finaliser of SplitMix64)."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
