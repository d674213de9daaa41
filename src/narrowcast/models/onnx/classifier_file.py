"""The file of a classifier that answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from narrowcast.models.classifiers.linear import Answer, answers_of
from narrowcast.models.classifiers.loading import ReadFeatures
from narrowcast.models.encoders.tokens import batches
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import LOG_PROBABILITIES, SCORES, OnnxDescription
from narrowcast.models.onnx.text_inputs import TextInputs, size_of_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class OnnxClassifier:
    """A file of a classifier. Texts may be asked about from several threads.

    Attributes:
        path: of the file.
        description: its description.

    Raises:
        ModelError: if its tokenizer cannot be read, or a vocabulary does not fit its table.
    """

    def __init__(self, file: OnnxFile) -> None:
        assert isinstance(file.description, OnnxDescription)
        self._file, self.path, self.description = file, file.path, file.description
        self._inputs = TextInputs(file, self.description)
        self._inputs.require_fitting({})

    @property
    def runtime(self) -> dict[str, str]:
        """What it is run with."""
        return self._file.runtime

    @property
    def classes(self) -> Sequence[str]:
        """It chooses among."""
        return self.description.classes

    @property
    def gives_probabilities(self) -> bool:
        """Answers have log-probabilities."""
        return self.description.gives_probabilities

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; empty where there is no encoder."""
        return self._inputs.tokens(texts)

    def features(self, texts: Sequence[str]) -> list[ReadFeatures]:
        """Tokens, and counted n-grams by kind of bag, of each text."""
        return self._inputs.features(texts)

    def size_of(self, text: str) -> int:
        """Tokens of a text by the encoder's tokenizer; words where there is none."""
        return self._inputs.size_of(text)

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; of a closed set of `labels` with the log-probability of each."""
        return self.judged(texts, labels)[1]

    def judged(self, texts: Sequence[str], labels: Sequence[str]) -> tuple[list[Floats], list[Answer]]:
        """Log-probabilities of classes, or scores where there are none, and the answer, of each text."""
        if not texts:
            return [], []
        scores, logs = self.outputs(texts)
        answers = answers_of(self.description.classes, scores, logs, labels, several=self.description.several)
        return list(scores if logs is None else logs), answers

    def outputs(self, texts: Sequence[str]) -> tuple[Floats, Floats | None]:
        """Scores and log-probabilities of shape (texts, classes); None where the file gives none.

        Raises:
            ModelError: if the runtime cannot compute them.
        """
        import numpy as np

        read = self.features(texts)
        tables = {
            name: np.zeros((len(texts), len(self.description.classes)), np.float32)
            for name in self.description.outputs
        }
        for rows in batches([size_of_inputs(each) for each in read]):
            inputs = self._inputs.arrays([read[row] for row in rows])
            for name, table in zip(self.description.outputs, self._file.run(inputs), strict=True):
                if table.shape != (len(rows), len(self.description.classes)):
                    raise self._file.refused(f"{name} of {len(rows)} texts has the shape {table.shape}")
                tables[name][rows] = table
        return tables[SCORES], tables.get(LOG_PROBABILITIES)
