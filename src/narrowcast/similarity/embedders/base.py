"""The contract of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    # Shape (texts, dimensions), dense, or sparse without negative values; each row of length 1, or all zeros
    # where no word is known.
    Vectors: TypeAlias = NDArray[np.float32] | csr_matrix


class Embedder(Protocol):
    """Texts in, vectors out; the cosine of two vectors says how alike their texts are.

    Attributes:
        name: for reports, as it was asked for.
        threshold: the cosine from which two texts count as semantic duplicates. Cosines of different
            embedders cannot be compared, so each brings its own.
    """

    name: str
    threshold: float

    def fit(self, texts: Sequence[str]) -> None:
        """Learn what is common and what is telling from these texts; may do nothing."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, in the order of the texts; `fit` came before."""
