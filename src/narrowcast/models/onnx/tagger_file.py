"""The file of a tagger that answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from narrowcast.faults import first_line
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.encoders.tokens import IDS
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import LOG_PROBABILITIES, TOKENIZER, TaggerDescription
from narrowcast.models.taggers.tagger import span_answer, word_tables
from narrowcast.models.taggers.windows import ReadText, WordTokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class OnnxTagger:
    """A file of a tagger. Texts may be asked about from several threads.

    Attributes:
        path: of the file.
        description: its description.

    Raises:
        ModelError: if its tokenizer cannot be read.
    """

    classes: Sequence[str] = ()
    gives_probabilities = False

    def __init__(self, file: OnnxFile) -> None:
        assert isinstance(file.description, TaggerDescription)
        self._file, self.path, self.description = file, file.path, file.description
        try:
            self._words = WordTokens(file.metadata[TOKENIZER], self.description.encoder.reading())
        except ValueError as error:
            raise file.refused(f"its metadata is damaged: {TOKENIZER}: {first_line(error)}") from error

    @property
    def runtime(self) -> dict[str, str]:
        """What it is run with."""
        return self._file.runtime

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, of all its windows one after the other."""
        return [
            list(chain.from_iterable(window.ids for window in each.windows)) for each in self.features(texts)
        ]

    def size_of(self, text: str) -> int:
        """Tokens that are read of a text."""
        return len(self.tokens([text])[0])

    def features(self, texts: Sequence[str]) -> list[ReadText]:
        """What is read of each text."""
        return self._words.of(texts)

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; the labels of the task play no part."""
        return self.judged(texts, labels)[1]

    def judged(
        self,
        texts: Sequence[str],
        labels: Sequence[str],  # noqa: ARG002 - the contract
    ) -> tuple[list[Floats], list[Answer]]:
        """Log-probabilities of tags, of shape (words, tags), and the answer, of each text."""
        read, kinds = self.features(texts), self.description.kinds
        tables = word_tables(read, len(self.description.tags), self._computed)
        answers: list[Answer] = [
            (span_answer(*each, kinds), None) for each in zip(texts, read, tables, strict=True)
        ]
        return tables, answers

    def _computed(self, batch: dict[str, Any]) -> Any:
        (table,) = self._file.run(batch)
        if table.shape != (*batch[IDS].shape, len(self.description.tags)):
            raise self._file.refused(f"{LOG_PROBABILITIES} of {batch[IDS].shape} tokens has {table.shape}")
        return table
