"""What linear models see of a text: words, characters, its vector from an encoder, or several of these.

Each is a scikit-learn transformer from texts to a matrix with one row per text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.hashing import content_hash
from narrowcast.models.classifiers.ngrams import CHARACTER_LENGTHS, WORD, WORD_LENGTHS, BagKind

if TYPE_CHECKING:
    from narrowcast.models.encoders.encoder import Encoder


class EncoderFeatures:
    """The vectors of a sentence encoder, whose weights stay as they are.

    Args:
        encoder: loaded.
        shared: vectors of train rows that another model has asked for are taken from here.
    """

    def __init__(self, encoder: Encoder, shared: dict[str, Any]) -> None:
        self._encoder, self._shared = encoder, shared

    def fit(self, _texts: Sequence[str], _targets: object = None) -> EncoderFeatures:
        """Nothing is learned from the texts."""
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Vectors of shape (texts, dimensions), float32."""
        return self._encoder.embed(texts)

    def fit_transform(self, texts: Sequence[str], _targets: object = None) -> Any:
        """The vectors of the train rows, which are computed once per encoder."""
        return train_vectors(self._encoder, texts, self._shared)


def train_vectors(
    encoder: Encoder,
    texts: Sequence[str],
    shared: dict[str, Any],
    advance: Callable[[int], None] | None = None,
) -> Any:
    """Vectors of the train rows, of shape (texts, dimensions), kept in `shared`.

    `advance` is called with the number of texts of each finished batch.
    """
    key = f"vectors {encoder.folder.path} {content_hash(list(texts))}"
    if key not in shared:
        shared[key] = encoder.embed(texts, advance)
    return shared[key]


def text_features(
    *kinds: BagKind, encoder: Encoder | None = None, shared: dict[str, Any] | None = None
) -> Any:
    """An unfitted transformer from texts to a matrix, sparse where words or characters are among the kinds.

    `words` are TF-IDF of 1-2-grams, `characters` TF-IDF of 2-5-grams within words; both sublinear.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    parts: list[tuple[str, Any]] = []
    if encoder is not None:
        parts.append(("encoder", EncoderFeatures(encoder, {} if shared is None else shared)))
    if "words" in kinds:
        words = TfidfVectorizer(ngram_range=WORD_LENGTHS, sublinear_tf=True, token_pattern=WORD)
        parts.append(("words", words))
    if "characters" in kinds:
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTER_LENGTHS, sublinear_tf=True)
        parts.append(("characters", letters))
    return FeatureUnion(parts)
