"""An exported classifier that answers, by onnxruntime; torch and scikit-learn are not needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.bag import Vocabulary
from narrowcast.models.classifiers.linear import Answer, answers_of
from narrowcast.models.encoders.tokens import TextTokens, batches, padded
from narrowcast.models.onnx.layout import (
    IDS,
    LOG_PROBABILITIES,
    MASK,
    SCORES,
    TOKENIZER,
    OnnxDescription,
    columns_input,
    counts_input,
    read_description,
)
from narrowcast.models.onnx.runtime import silent_onnxruntime
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_FLOAT = "tensor(float)"
Counted = tuple[list[int], list[int]]
"""Columns of the n-grams of a text, and how often each occurs."""


class OnnxClassifier:
    """One file, loaded. Texts may be asked about from several threads.

    Attributes:
        path: of the file.
        description: its description.

    Raises:
        ModelError: if it cannot be loaded, or is not a classifier that was exported here.
        MissingExtraError: without onnxruntime, numpy, or, where there is an encoder, tokenizers.
    """

    def __init__(self, path: Path) -> None:
        require("onnxruntime", "numpy", purpose="an exported classifier", extra="onnx-serve")
        self.path = path
        self._session = _session(path)
        try:
            metadata = _metadata(self._session)
            self.description: OnnxDescription = read_description(metadata)
            self._tokens = _tokens(self.description, metadata)
            _check_ports(self._session, self.description)
        except ValueError as error:
            raise _refused(str(error), path) from error
        self._bags = [Vocabulary(kind, ngrams) for kind, ngrams in self.description.ngrams.items()]

    @property
    def runtime(self) -> dict[str, str]:
        """What it is run with."""
        return {"onnxruntime": version("onnxruntime")}

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; empty where there is no encoder."""
        return self._tokens.of(texts) if self._tokens else [[] for _ in texts]

    def counted(self, text: str) -> dict[str, Counted]:
        """By kind of bag."""
        return {bag.kind: bag.counted(text) for bag in self._bags}

    def size_of(self, text: str) -> int:
        """Tokens of a text by the encoder's tokenizer; words where there is none."""
        return len(self._tokens.of([text])[0]) if self._tokens else len(text.split())

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; of a closed set of `labels` with the log-probability of each."""
        if not texts:
            return []
        scores, logs = self.outputs(texts)
        return answers_of(self.description.classes, scores, logs, labels, several=self.description.several)

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
            for name, table in zip(self.description.outputs, self._run(inputs), strict=True):
                if table.shape != (len(rows), len(self.description.classes)):
                    raise _refused(f"{name} of {len(rows)} texts has the shape {table.shape}", self.path)
                tables[name][rows] = table
        return tables[SCORES], tables.get(LOG_PROBABILITIES)

    def _inputs(self, tokens: list[list[int]], counted: list[dict[str, Counted]]) -> dict[str, Any]:
        inputs = dict(zip((IDS, MASK), padded(tokens), strict=True)) if self._tokens else {}
        for bag in self._bags:
            columns, counts = _padded_counts([each[bag.kind] for each in counted])
            inputs |= {columns_input(bag.kind): columns, counts_input(bag.kind): counts}
        return inputs

    def _run(self, inputs: dict[str, Any]) -> list[Any]:
        try:
            return list(self._session.run(self.description.outputs, inputs))
        except Exception as error:  # the library has no common base for its errors
            raise ModelError(
                f"the file cannot be run: {first_line(error)}",
                where=str(self.path),
                next_command="narrowcast export --force",
            ) from error


def _lengths(counted: dict[str, Counted]) -> list[int]:
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


def _session(path: Path) -> Any:
    onnxruntime = silent_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what matters is raised
    # Threads that wait in busy loops for each other are slow where another process uses one of the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # which prints and tries the same once more
        )
    except Exception as error:  # the library has no common base for its errors
        raise _refused(f"it cannot be loaded: {first_line(error)}", path) from error


def _metadata(session: Any) -> dict[str, str]:
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise ValueError("its metadata is damaged: it is not UTF-8") from error


def _tokens(description: OnnxDescription, metadata: dict[str, str]) -> TextTokens | None:
    if description.encoder is None:
        return None
    require("tokenizers", purpose="an exported classifier with an encoder", extra="onnx-serve")
    try:
        return TextTokens(metadata[TOKENIZER], description.encoder.reading())
    except ValueError as error:
        raise ValueError(f"its metadata is damaged: {TOKENIZER}: {first_line(error)}") from error


def _check_ports(session: Any, description: OnnxDescription) -> None:
    """The graph takes and gives what its description says."""
    takes, gives = (
        [each.name for each in session.get_inputs()],
        {each.name: each for each in session.get_outputs()},
    )
    if sorted(takes) != sorted(description.inputs) or list(gives) != description.outputs:
        raise ValueError("its metadata is damaged: inputs or outputs are not those of the graph")
    for name, each in gives.items():
        if len(each.shape) != 2 or each.type != _FLOAT:
            raise ValueError(f"its metadata is damaged: {name} is not a table of float32")
        if each.shape[1] != len(description.classes):
            raise ValueError(f"its metadata is damaged: {name} has another number of classes")


def _refused(why: str, path: Path) -> ModelError:
    return ModelError(
        f"the ONNX file cannot be used: {why}",
        where=str(path),
        next_command="narrowcast export --formats onnx, which writes one",
    )
