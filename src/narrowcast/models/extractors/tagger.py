"""A linear tagger: which words of a text belong to an answer, and to which kind of span.

Each word is classified by logistic regression over itself and two neighbours on each side: their lower-cased
forms, prefix, suffix and shapes. A strong classical baseline for copying tasks; it can only answer what is in
the text. What scikit-learn fitted is held as plain arrays, as `classifiers.linear` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from narrowcast.models.extractors.spans import OUTSIDE, TOKEN, TaggedSpan, decoded_spans, tags_of, word_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

_WINDOW = 2
_CHUNK = 4096  # words whose weights are looked up together


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """The features of words that are known.

    Attributes:
        names: by row of the weights.
    """

    names: Sequence[str]
    _row: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_row", {name: number for number, name in enumerate(self.names)})

    def of(self, text: str) -> list[list[int]]:
        """Rows of the known features of each word."""
        known = self._row
        return [[known[name] for name in names if name in known] for names in feature_names(text)]


@dataclass(frozen=True, slots=True)
class WordTagger:
    """Scores of tags from the features of a word.

    Attributes:
        tags: by column, such as `O`, `B-place`, `I-place`.
        features: with at least one name.
        weight: of shape (features, tags), float32.
        bias: of shape (tags,), float32.
    """

    tags: tuple[str, ...]
    features: WordFeatures
    weight: Floats
    bias: Floats

    @property
    def size_bytes(self) -> int:
        """Of weights and names."""
        return self.weight.nbytes + self.bias.nbytes + sum(map(len, self.features.names))

    def scores(self, text: str) -> Floats:
        """Of shape (words, tags)."""
        import numpy as np

        columns, present = padded_features(self.features.of(text))
        scores = np.zeros((len(columns), len(self.tags)), np.float32)
        for at in range(0, len(columns), _CHUNK):
            here = slice(at, at + _CHUNK)
            scores[here] = np.matmul(present[here, None], self.weight[columns[here]])[:, 0] + self.bias
        return scores

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""
        return [spans_of(text, self.scores(text), self.tags) for text in texts]


def spans_of(text: str, scores: Floats, tags: Sequence[str]) -> list[TaggedSpan]:
    """The spans that a table of shape (words, tags) stands for, whoever computed it."""
    best = [tags[column] for column in scores.argmax(1)] if len(scores) else []
    return list(decoded_spans(list(TOKEN.finditer(text)), best))


def padded_features(rows: Sequence[Sequence[int]]) -> tuple[Integers, Floats]:
    """Rows of weights, and 1 where there is one and 0 behind; of shape (words, most features of a word)."""
    import numpy as np

    width = max((len(row) for row in rows), default=0) or 1
    columns = np.zeros((len(rows), width), np.int64)
    present = np.zeros((len(rows), width), np.float32)
    for number, row in enumerate(rows):
        columns[number, : len(row)] = row
        present[number, : len(row)] = 1
    return columns, present


def fit_tagger(texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> WordTagger:
    """Fit a tagger to texts and their spans; where no word is in a span, it finds none."""
    import numpy as np

    tags = [tag for text, each in zip(texts, spans, strict=True) for tag in tags_of(text, each)]
    if len(set(tags)) <= 1:
        only = tags[0] if tags else OUTSIDE
        return WordTagger(
            (only,), WordFeatures(["bias"]), np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
        )
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    from narrowcast.models.classifiers.fit import columns_of, fitted

    vectorizer = DictVectorizer()
    words = (dict.fromkeys(names, 1.0) for text in texts for names in feature_names(text))
    model = fitted(LogisticRegression(C=5.0, max_iter=1000), vectorizer.fit_transform(words), tags)
    weight, bias = columns_of(model, two_sided=False)
    return WordTagger(
        tags=tuple(map(str, model.classes_)),
        features=WordFeatures(list(map(str, vectorizer.feature_names_))),
        weight=np.ascontiguousarray(weight, dtype=np.float32),
        bias=np.asarray(bias, dtype=np.float32),
    )


def feature_names(text: str) -> list[list[str]]:
    """Names of the features that hold, word by word, each once."""
    words = [match.group() for match in TOKEN.finditer(text)]
    lowered = [word.lower() for word in words]
    shapes = [word_shape(word) for word in words]
    rows = []
    for position, low in enumerate(lowered):
        row = ["bias"]
        for offset in range(-_WINDOW, _WINDOW + 1):
            near = position + offset
            inside = 0 <= near < len(words)
            row.append(f"word{offset}={lowered[near] if inside else '<edge>'}")
            if inside and abs(offset) <= 1:
                row.append(f"shape{offset}={shapes[near]}")
        row += [f"start={low[:3]}", f"end={low[-3:]}"]
        if position:
            row.append(f"pair={lowered[position - 1]} {low}")
        rows.append(row)
    return rows
