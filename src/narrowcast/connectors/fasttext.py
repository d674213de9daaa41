"""fastText's files: `__label__billing __label__urgent I was charged twice`, one text a line."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import BadLine, find_encoding
from narrowcast.connectors.source import RAW_CHARS, SourceFile
from narrowcast.core.row import SourceRow

_MARK = "__label__"


def looks_like_fasttext(text: str) -> bool:
    """Whether at least 95 % of the filled lines begin with a label."""
    lines = [line for line in text.split("\n")[:2_000] if line.strip()]
    return bool(lines) and sum(line.startswith(_MARK) for line in lines) >= 0.95 * len(lines)


class FastTextConnector:
    """Built by `file:`; rows are `{"text", "label"}`, or `{"text", "labels"}` where lines have several."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        source.allow("encoding")
        head = source.sample()
        self._encoding = find_encoding(source, head)
        lines = head.decode(self._encoding.name, "replace").splitlines()
        self._several = any(len(_divided(line)[0]) > 1 for line in lines)

    def describe(self) -> SourceDescription:
        """Its two columns."""
        notes = [*self._encoding.notes, f"fastText: labels begin with {_MARK}, one text a line"]
        description = self._source.description("fasttext", self._encoding.name, notes)
        description.columns = ["text", self._column]
        return description

    @property
    def _column(self) -> str:
        return "labels" if self._several else "label"

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """A row a filled line; one without a label, or with several where the head had one, is a sentinel."""
        index = 0
        with self._source.open() as file:
            for line in self._encoding.lines(file):
                error = line.error if isinstance(line, BadLine) else None
                text = (line.text if isinstance(line, BadLine) else line).rstrip("\r\n")
                if error or text.strip():
                    yield self._row(index, text, error)
                    index += 1

    def _row(self, index: int, text: str, error: str | None) -> SourceRow:
        labels, words = _divided(text)
        problem = error or self._problem(labels)
        if problem:
            return SourceRow(index, error=problem, raw=text[:RAW_CHARS])
        return SourceRow(index, {"text": words, self._column: labels if self._several else labels[0]})

    def _problem(self, labels: list[str]) -> str | None:
        if not labels:
            return "the line has no label"
        return "the line has several labels" if len(labels) > 1 and not self._several else None


def _divided(line: str) -> tuple[list[str], str]:
    """The labels at the beginning of a line, and the text behind them."""
    labels: list[str] = []
    rest = line.strip()
    while rest.startswith(_MARK):
        label, _, rest = rest.partition(" ")
        labels.append(label.removeprefix(_MARK).rstrip(","))
        rest = rest.lstrip()
    return labels, rest
