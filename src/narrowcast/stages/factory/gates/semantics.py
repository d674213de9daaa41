"""Which embedder the gates use: the offline default, where there are texts enough to fit it."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.similarity.embedders import Embedder, embedder

# Fewer texts give a vocabulary in which every two that share a word look alike.
_LEAST_TEXTS = 50


def embedder_for(texts: Sequence[str]) -> Embedder | None:
    """A fresh embedder, or None where the texts are too few; near-duplicates are found all the same."""
    return embedder() if len(texts) >= _LEAST_TEXTS else None
