"""Which embedder the gates use: the offline default, where there are texts enough to fit it."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.factory.gates.base import GateContext
from narrowcast.similarity.embedders import Embedder, embedder

# Fewer texts give a vocabulary in which every two that share a word look alike.
_LEAST_TEXTS = 50


def embedder_for(texts: Sequence[str], context: GateContext) -> Embedder | None:
    """A fresh embedder, or None where the texts are too few, which the outcome then says."""
    if len(texts) >= _LEAST_TEXTS:
        return embedder()
    note = f"under {_LEAST_TEXTS} texts: near-duplicates were searched for, but no semantic duplicates"
    if note not in context.notes:
        context.notes.append(note)
    return None
