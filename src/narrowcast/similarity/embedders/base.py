"""The contract of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from narrowcast.core.work import Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from narrowcast.core.settings import Settings

    # Shape (texts, dimensions), dense, or sparse without negative values; each row of length 1, or all zeros
    # where no word is known.
    Vectors: TypeAlias = NDArray[np.float32] | csr_matrix | "TwoVectors"


@dataclass(frozen=True, slots=True)
class TwoVectors:
    """A dense and a sparse vector for each text; two texts are as alike as the mean of both cosines says.

    Attributes:
        dense: shape (texts, dimensions).
        sparse: as many rows.
    """

    dense: NDArray[np.float32]
    sparse: csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Texts, and dimensions of both together."""
        return self.dense.shape[0], self.dense.shape[1] + self.sparse.shape[1]


@dataclass(frozen=True, slots=True)
class EmbedderContext:
    """What an embedder is built with, besides its argument.

    Attributes:
        settings: name the workspace, in which encoders and their vectors lie; None where there is none.
        work: shows progress where texts are many, and stops it.
    """

    settings: Settings | None = None
    work: Work = field(default_factory=Work)


class Embedder(Protocol):
    """Texts in, vectors out; the cosine of two vectors says how alike their texts are.

    Attributes:
        name: for reports, as it was asked for.
        threshold: the cosine from which two texts count as semantic duplicates. Cosines of different
            embedders cannot be compared, so each brings its own.
        version: hash of the weights that decide a vector; empty where there are none.
    """

    name: str
    version: str

    @property
    def threshold(self) -> float:
        """See above; raises UsageError where nobody has measured one."""

    def fit(self, texts: Sequence[str]) -> None:
        """Learn what is common and what is telling from these texts; may do nothing."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, in the order of the texts; `fit` came before."""
