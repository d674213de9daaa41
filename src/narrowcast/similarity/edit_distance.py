"""How many typos apart two short texts are: insertions, deletions, replacements, and swapped neighbours.

H. Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances", 2003: a column of
the table of distances is one word of the machine. Here a step is taken for many pairs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 64
"""Characters of a text: the bits of a word."""
_PAIRS = 1 << 12


def edit_distances(
    texts: Sequence[str], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The distance of each pair of texts, which have 1 to 64 characters each.

    Args:
        texts: of all pairs.
        left: the number of one text of each pair.
        right: that of the other.
    """
    import numpy as np

    distances = np.empty(len(left), np.int64)
    for start in range(0, len(left), _PAIRS):
        part = slice(start, start + _PAIRS)
        one, other = ([texts[number] for number in side[part].tolist()] for side in (left, right))
        distances[part] = _distances(one, other)
    return distances


def _points(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Code points, shape (texts, 64); 0 after the end."""
    import numpy as np

    filled = "".join(text.ljust(LONGEST, "\0") for text in texts).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(filled, dtype="<u4").reshape(len(texts), LONGEST)


def _distances(left: Sequence[str], right: Sequence[str]) -> NDArray[np.int64]:
    import numpy as np

    pattern, text = _points(left), _points(right)
    lengths = np.fromiter(map(len, left), np.int64, len(left))
    ends = np.fromiter(map(len, right), np.int64, len(right))
    one = np.uint64(1)
    last = one << (lengths - 1).astype(np.uint64)
    vp = np.full(len(left), ~np.uint64(0))
    vn, zero, before = (np.zeros(len(left), np.uint64) for _ in range(3))
    distance = lengths.copy()
    for step in range(int(ends.max())):
        equal = np.packbits(pattern == text[:, step : step + 1], axis=1, bitorder="little")
        matches = equal.view(np.uint64).ravel()
        swapped = ((~zero & matches) << one) & before
        zero = (((matches & vp) + vp) ^ vp) | matches | vn | swapped
        hp, hn = vn | ~(zero | vp), zero & vp
        change = ((hp & last) != 0).astype(np.int64) - ((hn & last) != 0)
        distance += np.where(step < ends, change, 0)
        hp, hn = (hp << one) | one, hn << one
        vp, vn = hn | ~(zero | hp), hp & zero
        before = matches
    return distance
