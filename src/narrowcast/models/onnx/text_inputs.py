"""What a file reads of texts: tokens of its encoder and counted n-grams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.bag import Vocabulary
from narrowcast.models.classifiers.loading import ReadFeatures
from narrowcast.models.encoders.tokens import IDS, MASK, TextTokens, padded
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import (
    TOKENIZER,
    ExtractorFile,
    OnnxDescription,
    columns_input,
    counts_input,
)

Counted = tuple[list[int], list[int]]
"""Columns of the n-grams of a text, and how often each occurs."""


class TextInputs:
    """Reads texts as a file's description says.

    Raises:
        ModelError: if the tokenizer cannot be read.
    """

    def __init__(self, file: OnnxFile, description: OnnxDescription | ExtractorFile) -> None:
        self._file, self._tokens = file, _tokens(file, description)
        self._bags = [Vocabulary(kind, ngrams) for kind, ngrams in description.ngrams.items()]

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; empty where there is no encoder."""
        return self._tokens.of(texts) if self._tokens else [[] for _ in texts]

    def size_of(self, text: str) -> int:
        """Tokens of a text by the encoder's tokenizer; words where there is none."""
        return len(self._tokens.of([text])[0]) if self._tokens else len(text.split())

    def features(self, texts: Sequence[str]) -> list[ReadFeatures]:
        """Tokens, and counted n-grams by kind of bag, of each text."""
        counted = [{bag.kind: bag.counted(text) for bag in self._bags} for text in texts]
        return list(zip(self.tokens(texts), counted, strict=True))

    def arrays(self, read: Sequence[ReadFeatures]) -> dict[str, Any]:
        """Inputs of the graph, by name; of no read texts none."""
        inputs = dict(zip((IDS, MASK), padded([ids for ids, _ in read]), strict=True)) if self._tokens else {}
        for bag in self._bags:
            columns, counts = _padded_counts([counted[bag.kind] for _, counted in read])
            inputs |= {columns_input(bag.kind): columns, counts_input(bag.kind): counts}
        return inputs

    def require_fitting(self, others: dict[str, Any]) -> None:
        """The table of each bag has a row for each n-gram, and no more.

        Args:
            others: a value of each input that is not of a text.

        Raises:
            ModelError: if not.
        """
        import numpy as np

        empty: list[ReadFeatures] = [(self.tokens(["a"])[0], {bag.kind: ([], []) for bag in self._bags})]
        inputs = self.arrays(empty) | others
        for bag in self._bags:
            looked_up = inputs | {counts_input(bag.kind): np.ones((1, 1), dtype=np.float32)}
            require_rows(
                self._file,
                f"the table of {bag.kind}",
                len(bag.ngrams),
                partial(_with_row, looked_up, columns_input(bag.kind)),
            )


def _with_row(inputs: dict[str, Any], name: str, row: int) -> dict[str, Any]:
    import numpy as np

    return inputs | {name: np.array([[row]], dtype=np.int64)}


def size_of_inputs(read: ReadFeatures) -> int:
    """Columns that a text takes of the widest of its inputs, at least 1."""
    tokens, counted = read
    return max(len(tokens), *(len(columns) for columns, _ in counted.values()), 1)


def require_rows(file: OnnxFile, what: str, rows: int, inputs: Callable[[int], dict[str, Any]]) -> None:
    """A table has exactly as many rows: the runtime refuses to look up others.

    Args:
        file: that the table is in.
        what: the table is called.
        rows: it has to have.
        inputs: those of a run that looks up a row.

    Raises:
        ModelError: if it has more or fewer.
    """

    def takes(row: int) -> bool:
        try:
            file.run(inputs(row))
        except ModelError:
            return False
        return True

    if not takes(rows - 1) or takes(rows):
        raise file.refused(f"its metadata is damaged: {what} has not {rows:,} rows")


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


def _tokens(file: OnnxFile, description: OnnxDescription | ExtractorFile) -> TextTokens | None:
    if description.encoder is None:
        return None
    try:
        return TextTokens(file.metadata[TOKENIZER], description.encoder.reading())
    except ValueError as error:
        raise file.refused(f"its metadata is damaged: {TOKENIZER}: {first_line(error)}") from error
