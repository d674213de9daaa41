"""`lsa`: latent semantic analysis of the texts themselves, without weights from elsewhere.

S. Deerwester et al., "Indexing by latent semantic analysis", 1990: word stems (cut to six letters) and
character n-grams, weighted by their rarity, reduced by a truncated SVD. Words that occur among the same
neighbours come near each other, as far as the texts show it; a synonym that they never show stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.errors import UsageError
from narrowcast.plugins.optional import require
from narrowcast.similarity.shingles import words_of

if TYPE_CHECKING:
    from narrowcast.similarity.embedders.base import Vectors

_DIMENSIONS = 256
_FEATURES = 50_000
_STEM = 6  # "transferred" and "transfers" agree in their first six letters
_SAMPLE = 20_000  # the decomposition is learned from so many texts at most, spread over all


class LsaEmbedder:
    """Takes no argument. Deterministic: the same texts give the same vectors."""

    threshold = 0.72

    def __init__(self, argument: str = "") -> None:
        if argument:
            raise UsageError(
                "the lsa embedder takes no argument", where=f"lsa:{argument}", next_command="lsa"
            )
        require("sklearn", purpose="comparing texts by meaning")
        self.name = "lsa"
        self._pipeline: Any = None

    def fit(self, texts: Sequence[str]) -> None:
        """Learn the vocabulary and its decomposition."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.preprocessing import Normalizer

        step = max(1, len(texts) // _SAMPLE)
        sample = [words_of(text) for text in texts[::step]]
        weighting = make_union(
            TfidfVectorizer(analyzer=_stems, sublinear_tf=True, max_features=_FEATURES),
            TfidfVectorizer(
                analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, max_features=_FEATURES
            ),
        )
        matrix = weighting.fit_transform(sample)
        dimensions = min(_DIMENSIONS, min(matrix.shape) - 1)
        if dimensions < 2:  # too few texts to decompose: the weighted words themselves are compared
            self._pipeline = make_pipeline(weighting, Normalizer())
            return
        reduction = TruncatedSVD(dimensions, n_iter=4, random_state=0).fit(matrix)
        self._pipeline = make_pipeline(weighting, reduction, Normalizer())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Dense unit rows of at most 256 dimensions."""
        import numpy as np

        found = self._pipeline.transform([words_of(text) for text in texts])
        dense = found.toarray() if hasattr(found, "toarray") else found
        return np.asarray(dense, dtype=np.float32)


def _stems(text: str) -> list[str]:
    return [word[:_STEM] for word in text.split()]
