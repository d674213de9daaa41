"""The file of an extractor that answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.encoders.tokens import batches
from narrowcast.models.extractors.extractor import extracted
from narrowcast.models.extractors.files import fields_of
from narrowcast.models.extractors.tagger import WordFeatures, padded_features, spans_of
from narrowcast.models.extractors.trained import ReadWords
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import SCORES, TAG_SCORES, WORD_FEATURES, WORD_PRESENT, ExtractorFile
from narrowcast.models.onnx.text_inputs import TextInputs, require_rows, size_of_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_NOTHING: list[list[int]] = [[]]
"""A word without features: a graph is not run on no words."""


class OnnxExtractor:
    """A file of an extractor. Texts may be asked about from several threads.

    Attributes:
        path: of the file.
        description: its description.

    Raises:
        ModelError: if its tokenizer cannot be read, or a vocabulary does not fit its table.
    """

    classes: Sequence[str] = ()
    gives_probabilities = False

    def __init__(self, file: OnnxFile) -> None:
        assert isinstance(file.description, ExtractorFile)
        self._file, self.path, self.description = file, file.path, file.description
        self._inputs = TextInputs(file, self.description)
        self._features = WordFeatures(self.description.features)
        self._fields = fields_of(self.description.answer)
        self._inputs.require_fitting(self._word_arrays(_NOTHING))
        if self.description.tags:
            text = self._inputs.arrays(self._inputs.features(["a"]))
            require_rows(
                file,
                "the table of tags",
                len(self.description.features),
                lambda row: text | self._word_arrays([[row]]),
            )

    @property
    def runtime(self) -> dict[str, str]:
        """What it is run with."""
        return self._file.runtime

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; empty where there is no encoder."""
        return self._inputs.tokens(texts)

    def size_of(self, text: str) -> int:
        """Tokens of a text by the encoder's tokenizer; words where there is none."""
        return self._inputs.size_of(text)

    def features(self, texts: Sequence[str]) -> list[ReadWords]:
        """What is read of each text, and of each word the rows of its features."""
        tagged = bool(self.description.tags)
        words = [self._features.of(text) if tagged else [] for text in texts]
        return list(zip(self._inputs.features(texts), words, strict=True))

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; the labels of the task play no part."""
        return self.judged(texts, labels)[1]

    def judged(
        self,
        texts: Sequence[str],
        labels: Sequence[str],  # noqa: ARG002 - the contract
    ) -> tuple[list[Floats], list[Answer]]:
        """Scores of values and of tags, one after the other, and the answer, of each text."""
        import numpy as np

        read, tags = self.features(texts), self.description.tags
        tables: list[Floats] = [np.zeros(0, np.float32) for _ in texts]
        answers: list[Answer] = [("", None) for _ in texts]
        for rows in batches([max(size_of_inputs(each), len(words)) for each, words in read]):
            scores, of_words = self._computed([read[row] for row in rows])
            at = 0
            for number, row in enumerate(rows):
                own = of_words[at : at + len(read[row][1])]
                at += len(own)
                spans = spans_of(texts[row], own, tags) if tags else []
                tables[row] = np.concatenate([scores[number], own.ravel()])
                answers[row] = (extracted(self._fields, texts[row], scores[number], spans), None)
        return tables, answers

    def _computed(self, read: Sequence[ReadWords]) -> tuple[Floats, Floats]:
        """Scores of shape (texts, columns), and of the words of all texts of shape (words, tags)."""
        import numpy as np

        words = [word for _, each in read for word in each]
        inputs = self._inputs.arrays([each for each, _ in read]) | self._word_arrays(words or _NOTHING)
        tables = dict(zip(self.description.outputs, self._file.run(inputs), strict=True))
        shapes = {SCORES: (len(read), self.description.columns)}
        shapes[TAG_SCORES] = (len(words or _NOTHING), len(self.description.tags))
        for name, table in tables.items():
            if table.shape != shapes[name]:
                raise self._file.refused(f"{name} of {shapes[name][0]} rows has the shape {table.shape}")
        scores = tables.get(SCORES, np.zeros((len(read), 0), np.float32))
        return scores, tables.get(TAG_SCORES, np.zeros((0, 1), np.float32))[: len(words)]

    def _word_arrays(self, words: Sequence[Sequence[int]]) -> dict[str, Any]:
        if not self.description.tags:
            return {}
        return dict(zip((WORD_FEATURES, WORD_PRESENT), padded_features(words), strict=True))
