"""The file of a classifier that answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.bag import Vocabulary
from narrowcast.models.classifiers.linear import Answer, answers_of
from narrowcast.models.classifiers.loading import ReadFeatures
from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.encoders.tokens import IDS, MASK, TextTokens, batches, padded
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import (
    LOG_PROBABILITIES,
    SCORES,
    TOKENIZER,
    OnnxDescription,
    columns_input,
    counts_input,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Counted = tuple[list[int], list[int]]
"""Columns of the n-grams of a text, and how often each occurs."""


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
        self._tokens = _tokens(file, self.description)
        self._bags = [Vocabulary(kind, ngrams) for kind, ngrams in self.description.ngrams.items()]
        for kind, ngrams in self.description.ngrams.items():
            if not self._takes(kind, len(ngrams) - 1) or self._takes(kind, len(ngrams)):
                why = f"its metadata is damaged: the table of {kind} has not {len(ngrams):,} rows"
                raise file.refused(why)

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
        return self._tokens.of(texts) if self._tokens else [[] for _ in texts]

    def features(self, texts: Sequence[str]) -> list[ReadFeatures]:
        """Tokens, and counted n-grams by kind of bag, of each text."""
        return list(zip(self.tokens(texts), [self.counted(text) for text in texts], strict=True))

    def counted(self, text: str) -> dict[BagKind, Counted]:
        """By kind of bag."""
        return {bag.kind: bag.counted(text) for bag in self._bags}

    def size_of(self, text: str) -> int:
        """Tokens of a text by the encoder's tokenizer; words where there is none."""
        return len(self._tokens.of([text])[0]) if self._tokens else len(text.split())

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

        tokens, counted = self.tokens(texts), [self.counted(text) for text in texts]
        lengths = [max(len(ids), *_lengths(each), 1) for ids, each in zip(tokens, counted, strict=True)]
        tables = {
            name: np.zeros((len(texts), len(self.description.classes)), np.float32)
            for name in self.description.outputs
        }
        for rows in batches(lengths):
            inputs = self._inputs([tokens[row] for row in rows], [counted[row] for row in rows])
            for name, table in zip(self.description.outputs, self._file.run(inputs), strict=True):
                if table.shape != (len(rows), len(self.description.classes)):
                    raise self._file.refused(f"{name} of {len(rows)} texts has the shape {table.shape}")
                tables[name][rows] = table
        return tables[SCORES], tables.get(LOG_PROBABILITIES)

    def _takes(self, kind: BagKind, column: int) -> bool:
        """Whether the table of a bag has a row for a column: the runtime refuses others."""
        import numpy as np

        nothing: dict[BagKind, Counted] = {bag.kind: ([], []) for bag in self._bags}
        inputs = self._inputs(self.tokens(["a"]), [nothing])
        inputs[columns_input(kind)] = np.array([[column]], dtype=np.int64)
        inputs[counts_input(kind)] = np.ones((1, 1), dtype=np.float32)
        try:
            self._file.run(inputs)
        except ModelError:
            return False
        return True

    def _inputs(self, tokens: list[list[int]], counted: list[dict[BagKind, Counted]]) -> dict[str, Any]:
        inputs = dict(zip((IDS, MASK), padded(tokens), strict=True)) if self._tokens else {}
        for bag in self._bags:
            columns, counts = _padded_counts([each[bag.kind] for each in counted])
            inputs |= {columns_input(bag.kind): columns, counts_input(bag.kind): counts}
        return inputs


def _lengths(counted: dict[BagKind, Counted]) -> list[int]:
    return [len(columns) for columns, _ in counted.values()] or [0]


def _padded_counts(rows: Sequence[Counted]) -> tuple[Any, Any]:
    """Columns and counts of shape (rows, longest), at least one wide, padded with count 0."""
    import numpy as np

    longest = max(1, *(len(columns) for columns, _ in rows))
    columns = np.zeros((len(rows), longest), dtype=np.int64)
    counts = np.zeros((len(rows), longest), dtype=np.float32)
    for number, (known, often) in enumerate(rows):
        columns[number, : len(known)] = known
        counts[number, : len(often)] = often
    return columns, counts


def _tokens(file: OnnxFile, description: OnnxDescription) -> TextTokens | None:
    if description.encoder is None:
        return None
    try:
        return TextTokens(file.metadata[TOKENIZER], description.encoder.reading())
    except ValueError as error:
        raise file.refused(f"its metadata is damaged: {TOKENIZER}: {first_line(error)}") from error
