"""Which texts say the same in other words: cosines of their vectors, compared block by block.

Every pair is compared, so time grows with the square of the number of texts (a hundred thousand take
a minute or so); memory stays at one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.similarity.embedders import Embedder, embedder
from narrowcast.similarity.union_find import UnionFind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.similarity.embedders.base import Vectors

_CELLS = 1 << 24  # cosines held at a time: 64 MiB


@dataclass(frozen=True, slots=True)
class Nearest:
    """The text of the other set that is nearest in meaning."""

    number: int
    similarity: float


def semantic_groups(
    texts: Sequence[str], by: Embedder | None = None, threshold: float | None = None
) -> list[list[int]]:
    """Connected groups of two and more texts, by their numbers, ascending.

    Args:
        texts: of one data set; the embedder is fitted to them.
        by: the embedder; the offline default where None.
        threshold: cosine from where on two texts are joined; the embedder's own where None.
    """
    chosen = by or embedder()
    limit = chosen.threshold if threshold is None else threshold
    if len(texts) < 2:
        return []
    chosen.fit(texts)
    vectors = chosen.embed(texts)
    sets = UnionFind(len(texts))
    for left, right in _pairs(vectors, limit):
        sets.union(left, right)
    return [group for group in sets.components() if len(group) > 1]


def nearest(texts: Sequence[str], others: Sequence[str], by: Embedder | None = None) -> list[Nearest | None]:
    """For each text the nearest of `others`; None for all where there are no others.

    The embedder is fitted to both sets together, so that a word of either is known.
    """
    if not texts or not others:
        return [None] * len(texts)
    chosen = by or embedder()
    chosen.fit([*texts, *others])
    index, block = chosen.embed(others), _block(len(others))
    found: list[Nearest | None] = []
    for start in range(0, len(texts), block):
        cosines = _cosines(chosen.embed(texts[start : start + block]), index)
        best = cosines.argmax(axis=1)
        found += [Nearest(int(number), float(row[number])) for number, row in zip(best, cosines, strict=True)]
    return found


def _pairs(vectors: Vectors, threshold: float) -> Iterator[tuple[int, int]]:
    import numpy as np

    size = int(vectors.shape[0])
    block = _block(size)
    for start in range(0, size, block):
        cosines = _cosines(vectors[start : start + block], vectors[start:])
        rows, columns = np.nonzero(cosines >= threshold)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if row < column:
                yield start + row, start + column


def _block(others: int) -> int:
    """How many texts are compared with all others at a time."""
    return max(1, _CELLS // others)


def _cosines(block: Vectors, others: Vectors) -> NDArray[np.float32]:
    """Shape (block, others); of sparse vectors as well, because most texts share some word."""
    product = block @ others.T
    dense: NDArray[np.float32] = product.toarray() if hasattr(product, "toarray") else product
    return dense
