"""A bag of n-grams: TF-IDF of a text over a fixed vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.ngrams import NGRAMS, BagKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The n-grams that are counted.

    Attributes:
        kind: of n-grams.
        ngrams: by column.
    """

    kind: BagKind
    ngrams: Sequence[str]
    _column: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_column", {ngram: number for number, ngram in enumerate(self.ngrams)})

    def counted(self, text: str) -> tuple[list[int], list[int]]:
        """Columns of the n-grams that the text has and the vocabulary knows, and how often each occurs."""
        known, column = Counter[int](), self._column
        for ngram in NGRAMS[self.kind](text):
            if (at := column.get(ngram)) is not None:
                known[at] += 1
        return list(known.keys()), list(known.values())


@dataclass(frozen=True, slots=True)
class Bag:
    """A vocabulary with its inverse document frequencies, of shape (n-grams,), float32."""

    vocabulary: Vocabulary
    idf: Floats

    @classmethod
    def of(cls, vectorizer: Any, kind: BagKind) -> Bag:
        """The vocabulary of a fitted `TfidfVectorizer` that counts the same n-grams."""
        import numpy as np

        ngrams = [str(each) for each in vectorizer.get_feature_names_out()]
        return cls(Vocabulary(kind, ngrams), np.asarray(vectorizer.idf_, dtype=np.float32))

    @property
    def kind(self) -> BagKind:
        """Of n-grams."""
        return self.vocabulary.kind

    @property
    def ngrams(self) -> Sequence[str]:
        """By column."""
        return self.vocabulary.ngrams

    def weights(self, text: str) -> tuple[list[int], Floats]:
        """Columns, and the entry of each: (1 + log of the count) times idf, scaled to length 1."""
        import numpy as np

        columns, counts = self.vocabulary.counted(text)
        values = (1 + np.log(np.array(counts, dtype=np.float32))) * self.idf[columns]
        length = np.sqrt((values * values).sum())
        return columns, values / length if length > 0 else values
