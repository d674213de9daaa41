"""Which vectors of two sets are alike: every pair from a cosine on, and no other; none is missed.

Sparse vectors (word weights, none negative) are joined through an index. The words of a vector are put in
order of rarity; its *prefix* are the rarest ones, up to where what is left is shorter than the threshold.
Vectors that share words after a prefix alone cannot reach the threshold, so the rarest word that two alike
vectors share is in both prefixes, and only vectors that share a prefix word are compared (Bayardo, Ma and
Srikant: Scaling up all pairs similarity search, 2007). Dense vectors are compared pair by pair, as matrix
products, and so are texts that have a vector of each kind.

The cost is known before the work begins, and bounded: too many comparisons are an error, not an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from narrowcast.errors import UsageError
from narrowcast.similarity.embedders.base import TwoVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from narrowcast.similarity.embedders.base import Vectors

    # Numbers of the left vectors, numbers of the right ones, cosines.
    Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]

MOST_CANDIDATES = 10_000_000_000
"""Pairs that share a prefix word: some twenty minutes on one core."""
MOST_COSINES = 40_000_000_000
"""Pairs of dense vectors: 200,000 rows against each other."""
_BLOCK = 1 << 22  # candidates or cosines held in memory
_ROUNDING = 1e-5  # of float32 sums


def similar_pairs(left: Vectors, right: Vectors, threshold: float) -> Iterator[Pairs]:
    """All pairs whose cosine is at least `threshold`, in blocks.

    Args:
        left: shape (rows, dimensions), rows of length 1 or 0; sparse ones without negative values.
        right: the same dimensions; where it is `left` itself, each pair comes once, the smaller number first.
        threshold: above 0.

    Raises:
        UsageError: if that takes too many comparisons; said before any is made.
    """
    if hasattr(left, "tocsr"):
        return _sparse(left, right, threshold)
    return _all(left, right, threshold)


def _sparse(left: csr_matrix, right: Any, threshold: float) -> Iterator[Pairs]:
    import numpy as np

    alone = right is left
    shared = np.asarray((left > 0).sum(axis=0)).ravel() + np.asarray((right > 0).sum(axis=0)).ravel()
    order = np.argsort(shared, kind="stable")
    left, right = left.tocsr()[:, order], right.tocsr()[:, order]
    left_prefix, right_prefix = _prefixes(left, threshold), _prefixes(right, threshold)
    postings = np.asarray(right_prefix.sum(axis=0)).ravel()
    work = left_prefix @ postings  # candidates a row, those counted twice that share two words
    _refuse(float(work.sum()), MOST_CANDIDATES, left.shape[0], right.shape[0])
    columns = right_prefix.T.tocsr()
    for start, stop in _blocks(work):
        candidates = (left_prefix[start:stop] @ columns).tocoo()
        rows, others = candidates.row.astype(np.int64) + start, candidates.col.astype(np.int64)
        if alone:
            rows, others = rows[rows < others], others[rows < others]
        cosines = _cosines(left, right, rows, others)
        similar = cosines >= threshold
        yield rows[similar], others[similar], cosines[similar]


def _prefixes(vectors: csr_matrix, threshold: float) -> csr_matrix:
    """Ones where a word belongs to its row's prefix; columns are in order of rarity."""
    import numpy as np
    from scipy.sparse import csr_matrix as matrix

    vectors.sort_indices()
    squares = np.concatenate([[0.0], np.cumsum(vectors.data.astype(np.float64) ** 2)])
    ends = np.repeat(squares[vectors.indptr[1:]], np.diff(vectors.indptr))
    left_over = ends - squares[:-1]  # squared length of the word and all after it
    inside = left_over >= threshold**2 - _ROUNDING
    kept = np.concatenate([[0], np.cumsum(inside)])
    ones = np.ones(int(kept[-1]), dtype=np.float32)
    return matrix((ones, vectors.indices[inside], kept[vectors.indptr]), shape=vectors.shape)


def _blocks(work: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Runs of rows with about as many candidates as are held at a time."""
    import numpy as np

    total = np.cumsum(work.astype(np.float64))
    start, size = 0, len(work)
    while start < size:
        before = total[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(total, before + _BLOCK, side="right")))
        yield start, stop
        start = stop


def _cosines(left: csr_matrix, right: csr_matrix, rows: Any, others: Any) -> NDArray[np.float32]:
    import numpy as np

    step = 1 << 18
    parts = [
        left[rows[at : at + step]].multiply(right[others[at : at + step]]).sum(axis=1)
        for at in range(0, len(rows), step)
    ]
    found: NDArray[np.float32] = (
        np.concatenate([np.asarray(part).ravel() for part in parts]) if parts else np.zeros(0, np.float32)
    )
    return found


def _all(left: Any, right: Any, threshold: float) -> Iterator[Pairs]:
    """Every pair compared, block by block."""
    import numpy as np

    _refuse(float(left.shape[0]) * right.shape[0], MOST_COSINES, left.shape[0], right.shape[0])
    block = max(1, _BLOCK // max(1, right.shape[0]))
    for start in range(0, left.shape[0], block):
        cosines = _products(left, right, slice(start, start + block))
        rows, others = np.nonzero(cosines >= threshold)
        values, rows = cosines[rows, others], rows + start
        unique = rows < others if right is left else slice(None)
        yield rows[unique], others[unique], values[unique]


def _products(left: Any, right: Any, rows: slice) -> NDArray[np.float32]:
    """Cosines of some left rows with all right ones."""
    if isinstance(left, TwoVectors):
        words = (left.sparse[rows] @ right.sparse.T).toarray()
        words += left.dense[rows] @ right.dense.T
        words *= 0.5
        mean: NDArray[np.float32] = words
        return mean
    found: NDArray[np.float32] = left[rows] @ right.T
    return found


def _refuse(comparisons: float, most: int, rows: int, others: int) -> None:
    if comparisons > most:
        raise UsageError(
            f"comparing the vectors of {rows:,} rows with {others:,} takes {comparisons:.1e} comparisons, "
            f"more than {most:.0e}",
            where="--embedder",
            next_command="--embedder none (exact and near-duplicates at any size), a higher --meaning, "
            "or fewer rows at a time",
            reason_code="prepare_request_invalid",
        )
