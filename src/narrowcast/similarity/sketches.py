"""MinHash sketches and their bands, for all texts together.

A. Broder, "On the resemblance and containment of documents", 1997. Written in numpy because no library
hands sketches over without making a Python number of each: rensa 0.5 sketches as fast, but passing 126
numbers a text to the caller takes it four times as long as all that is done here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, Share, ignored
from narrowcast.similarity.codes import Codes, shingle_codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Fewer would make shorter bands, and the pairs to compare would grow with the square of the texts.
SKETCH = 256
_SEED = 1
# A pair exactly at the threshold shares a band with at least this probability.
_RECALL = 0.995
# This many values of a sketch, one byte of each, rule out most candidates that are not similar: they agree in
# fewer than a similar pair is expected to, less four standard deviations.
_SAMPLE, _DEVIATIONS = 128, 4.0
_PAIRS = 1 << 16


def candidate_pairs(
    texts: Sequence[str],
    threshold: float,
    neighbours: int,
    cancel: CancelToken = UNSTOPPABLE,
    *,
    sketched: Share = ignored,
    compared: Share = ignored,
) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs of texts whose sketches agree as those of similar texts do; band after band.

    A pair must share a band, and enough of a sample of the sketch. In a bucket of thousands (one template,
    filled in) each text is paired with at most `neighbours` before it. A pair may come more than once.

    Args:
        texts: normal forms.
        threshold: of the similarity.
        neighbours: see above.
        cancel: stops it.
        sketched: takes how many of the sketches are made.
        compared: takes how many of the bands were compared.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    keys, samples = _band_keys(texts, threshold, cancel, sketched)
    for band in keys:
        order = np.argsort(band, kind="stable")
        ordered = band[order]
        for distance in range(1, min(neighbours, len(texts) - 1) + 1):
            same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
            if not len(same):
                break
            cancel.check()
            left, right = order[same], order[same + distance]
            likely = _likely(samples, left, right, threshold)
            yield left[likely].tolist(), right[likely].tolist()
        compared(1 / len(keys))


def _likely(
    samples: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Which pairs agree in as many places of the sample as a pair at the threshold does, but for bad luck."""
    import numpy as np

    places = samples.shape[1]
    least = places * threshold - _DEVIATIONS * math.sqrt(places * threshold * (1 - threshold))
    likely = np.empty(len(left), dtype=bool)
    for start in range(0, len(left), _PAIRS):
        part = slice(start, start + _PAIRS)
        likely[part] = (samples[left[part]] == samples[right[part]]).sum(axis=1) >= least
    return likely


def banding(threshold: float) -> tuple[int, int]:
    """Rows a band and bands: the longest band that still finds pairs at the threshold."""
    for rows in range(SKETCH, 1, -1):
        bands = SKETCH // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return rows, bands
    return 1, SKETCH


def _band_keys(
    texts: Sequence[str], threshold: float, cancel: CancelToken, sketched: Share
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Hashes of bands, shape (bands, texts); a byte each of some values of the sketch, shape (texts, 128)."""
    import numpy as np

    rows, bands = banding(threshold)
    chance = np.random.default_rng(_SEED)
    multipliers = chance.integers(1 << 31, 1 << 32, rows * bands, dtype=np.uint32) | np.uint32(1)
    additions = chance.integers(0, 1 << 32, rows * bands, dtype=np.uint32)
    keys = np.empty((bands, len(texts)), dtype=np.uint64)
    samples = np.empty((len(texts), _SAMPLE), dtype=np.uint8)
    start = 0
    for codes in shingle_codes(texts, cancel):
        sketch = _sketch(codes, multipliers, additions)
        samples[start : start + len(codes)] = (sketch[:_SAMPLE] & np.uint32(0xFF)).T
        for band in range(bands):
            keys[band, start : start + len(codes)] = _hashed(sketch[band * rows : (band + 1) * rows])
        start += len(codes)
        sketched(len(codes) / len(texts))
    return keys, samples


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
