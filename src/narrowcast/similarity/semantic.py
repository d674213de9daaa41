"""Which texts say the same in other words: by the cosines of their vectors, see `cosine_join`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.core.progress import stoppable
from narrowcast.core.work import Work
from narrowcast.similarity.cosine_join import similar_pairs
from narrowcast.similarity.embedders import Embedder, embedder
from narrowcast.similarity.union_find import UnionFind


@dataclass(frozen=True, slots=True)
class Nearest:
    """The text of the other set that is nearest in meaning."""

    number: int
    similarity: float


def semantic_groups(
    texts: Sequence[str],
    by: Embedder | None = None,
    threshold: float | None = None,
    work: Work | None = None,
) -> list[list[int]]:
    """Connected groups of two and more texts, by their numbers, ascending.

    Args:
        texts: of one data set; the embedder is fitted to them.
        by: the embedder; the offline default where None.
        threshold: cosine from which two texts are joined; the embedder's own where None.
        work: shows progress, and stops it.

    Raises:
        UsageError: if that takes too many comparisons.
        CancelledError: on request.
    """
    work = work or Work()
    chosen = by or embedder()
    limit = chosen.threshold if threshold is None else threshold
    if len(texts) < 2:
        return []
    chosen.fit(texts)
    vectors = chosen.embed(texts)
    work.progress.start("comparing meanings")
    sets = UnionFind(len(texts))
    for rows, others, _ in stoppable(similar_pairs(vectors, vectors, limit), work.cancel):
        for left, right in zip(rows.tolist(), others.tolist(), strict=True):
            sets.union(left, right)
    return sets.components(2)


def nearest(
    texts: Sequence[str],
    others: Sequence[str],
    by: Embedder | None = None,
    threshold: float | None = None,
    work: Work | None = None,
) -> list[Nearest | None]:
    """For each text the nearest of `others` that reaches the threshold; None where none does.

    The embedder is fitted to both sets together, so that a word of either is known.

    Args:
        texts: to look for.
        others: to look in.
        by: the embedder; the offline default where None.
        threshold: least cosine; the embedder's own where None.
        work: shows progress, and stops it.

    Raises:
        UsageError: if that takes too many comparisons.
        CancelledError: on request.
    """
    if not texts or not others:
        return [None] * len(texts)
    work = work or Work()
    chosen = by or embedder()
    chosen.fit([*texts, *others])
    limit = chosen.threshold if threshold is None else threshold
    mine, theirs = chosen.embed(texts), chosen.embed(others)
    work.progress.start("comparing meanings")
    found: list[Nearest | None] = [None] * len(texts)
    for block in stoppable(similar_pairs(mine, theirs, limit), work.cancel):
        for row, other, cosine in zip(*(each.tolist() for each in block), strict=True):
            best = found[row]
            if best is None or (-cosine, other) < (-best.similarity, best.number):
                found[row] = Nearest(other, cosine)
    return found
