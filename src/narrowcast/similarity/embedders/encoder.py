"""`encoder:NAME`: vectors of a sentence encoder; `encoder-words:NAME`: together with word weights.

The encoder knows synonyms; word weights know which words tell the rows of a data set apart. The mean of the
two cosines finds more rewritten texts than either at equal false alarms (`benchmarks/sameness.py`). It does
not suit translations, which share no words: those are for `encoder:NAME` with a multilingual encoder.

Vectors are kept in the workspace by the hash of their text, so that rows that come again cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from narrowcast.errors import UsageError
from narrowcast.models.catalogue import catalogue, find_encoder
from narrowcast.models.encoders.resolve import encoder_on_this_machine, resolve_encoder
from narrowcast.plugins.optional import is_installed
from narrowcast.similarity.embedders.base import EmbedderContext, TwoVectors
from narrowcast.similarity.embedders.tfidf import TfidfEmbedder
from narrowcast.store.vectors import VectorCache, text_keys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.core.settings import Settings
    from narrowcast.similarity.embedders.base import Vectors

_BLOCK = 8_192  # texts that are embedded, and kept, together
_NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "sklearn")


class EncoderEmbedder:
    """Knows its words already: `fit` does nothing. The encoder is loaded when a text has no vector yet.

    Args:
        argument: an encoder of the catalogue, or its folder.
        context: settings, progress and cancellation.

    Raises:
        UsageError: without a name or a workspace.
        ModelError: if it is not on this machine or cannot be used.
    """

    kind = "encoder"

    def __init__(self, argument: str, context: EmbedderContext) -> None:
        if not argument or context.settings is None:
            raise UsageError(
                "no encoder is named" if not argument else "an encoder needs a workspace",
                where=f"{self.kind}:{argument}",
                next_command="narrowcast models list, which names encoders",
                reason_code="prepare_request_invalid",
            )
        self.name = f"{self.kind}:{argument}"
        self._folder = resolve_encoder(argument, context.settings)
        self.version = self._folder.fingerprint()
        self._argument, self._home, self._work = argument, context.settings.home, context.work

    @property
    def threshold(self) -> float:
        """The measured one of the encoder.

        Raises:
            UsageError: where nobody has measured one.
        """
        entry = find_encoder(self._argument)
        measured = entry.meaning.get(self.kind) if entry else None
        if measured is None:
            raise UsageError(
                f"from which cosine on two texts say the same was not measured for {self.name}",
                where="--embedder",
                next_command="--meaning 0.8, after a look at what it finds",
                reason_code="prepare_request_invalid",
            )
        return measured

    def fit(self, texts: Sequence[str]) -> None:
        """Nothing is learned from the texts."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Dense unit rows in the encoder's dimensions.

        Raises:
            CancelledError: on request.
        """
        return self._dense(texts)

    def _dense(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        cache = VectorCache(self._home, self.version, self._folder.dimensions)
        keys, first, which = np.unique(text_keys(texts), return_index=True, return_inverse=True)
        vectors, known = cache.get(keys)
        missing = np.flatnonzero(~known)
        # In the order of the texts: what a stop leaves is then found again by the next run.
        missing = missing[np.argsort(first[missing])]
        if len(missing):
            for rows, computed in self._computed(texts, first, missing):
                cache.add(keys[rows], computed)
                vectors[rows] = computed
        return vectors[which]

    def _computed(
        self, texts: Sequence[str], first: NDArray[np.int64], missing: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Numbers of missing texts and their vectors, block by block, so that a stop loses one block."""
        import numpy as np

        from narrowcast.models.encoders.encoder import Encoder

        encoder, work = Encoder(self._folder), self._work
        work.progress.start("embedding the texts", len(missing))

        def advance(count: int) -> None:
            work.cancel.check()
            work.progress.advance(count)

        for start in range(0, len(missing), _BLOCK):
            rows = missing[start : start + _BLOCK]
            vectors = encoder.embed([texts[first[row]] for row in rows], advance)
            yield rows, vectors / np.clip(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12, None)
        work.progress.finish()


class EncoderWithWords(EncoderEmbedder):
    """The mean of the encoder's cosine and that of `tfidf`."""

    kind = "encoder-words"

    def __init__(self, argument: str, context: EmbedderContext) -> None:
        super().__init__(argument, context)
        self._words = TfidfEmbedder()

    def fit(self, texts: Sequence[str]) -> None:
        """Learn how rare each word stem is."""
        self._words.fit(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Both vectors of each text."""
        return TwoVectors(self._dense(texts), self._words.weights(texts))


def measured_encoder(settings: Settings | None) -> str:
    """The first encoder of the catalogue that can be used here with words; empty where there is none."""
    if settings is None or not all(map(is_installed, _NEEDED)):
        return ""
    for entry in catalogue().encoders:
        if EncoderWithWords.kind in entry.meaning and encoder_on_this_machine(entry, settings):
            return entry.id
    return ""
