"""Optional gate: no cluster of like inputs holds more than its share of the rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.plugins.optional import require
from narrowcast.similarity.embedders import embedder

_LEAST_ROWS = 20


def embedding_clusters(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Divide inputs into clusters by k-means over their vectors; in too large ones the later rows go.

    Under twenty rows there is nothing to cluster, and every row passes.
    """
    if len(rows) < _LEAST_ROWS:
        return {}
    require("sklearn", "numpy", purpose="clustering rows")
    from sklearn.cluster import KMeans

    texts = [row.text for row in rows]
    by = embedder()
    by.fit(texts)
    vectors = by.embed(texts)
    count = min(len(rows) // 2, max(2, math.ceil(2 / context.options.cluster_share)))
    clusters = KMeans(n_clusters=count, random_state=0, n_init=4).fit_predict(vectors)
    allowed = math.ceil(context.options.cluster_share * len(rows))
    taken: Counter[int] = Counter()
    rejections = {}
    for row, cluster in zip(rows, clusters.tolist(), strict=True):
        if taken[cluster] >= allowed:
            rejections[row.index] = f"its cluster has {allowed} rows already"
        else:
            taken[cluster] += 1
    return rejections
