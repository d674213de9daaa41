"""Token-per-line files: a token and its tag a line, a blank line between sentences (CoNLL, WNUT)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import find_encoding
from narrowcast.connectors.source import RAW_CHARS, SourceFile
from narrowcast.core.row import SourceRow

_TAG = re.compile(r"O|[BIESLUM]-\S+")


def looks_like_conll(text: str) -> bool:
    """Whether at least 95 % of the filled lines end in a BIO tag, in sentences separated by blank lines."""
    lines = text.split("\n")[:2_000]
    filled = [line.rstrip("\r") for line in lines if line.strip()]
    if len(filled) < 3 or len(filled) == len(lines):
        return False
    tagged = sum(_split(line) is not None for line in filled)
    return tagged >= 0.95 * len(filled)


def _split(line: str) -> tuple[str, str] | None:
    """First column and last column, where the last is a tag."""
    cells = line.split("\t") if "\t" in line else line.split(" ")
    if len(cells) >= 2 and cells[0] and _TAG.fullmatch(cells[-1]):
        return cells[0], cells[-1]
    return None


class ConllConnector:
    """Built by `file:`; one sentence per row: `{"tokens": [...], "tags": [...]}`."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        source.allow("encoding")
        self._encoding = find_encoding(source, source.sample())

    def describe(self) -> SourceDescription:
        """Separator and columns."""
        notes = [
            *self._encoding.notes,
            "one token and its tag per line, blank lines between sentences; each sentence is a row",
        ]
        description = self._source.description("conll", self._encoding.name, notes)
        description.columns = ["tokens", "tags"]
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """Sentences in order; one with a line that is not `token … tag` is a row with an error."""
        index = 0
        sentence: list[str] = []
        problem: str | None = None
        with self._source.open() as file:
            for line in self._encoding.lines(file):
                problem = problem or line.error
                text = line.text.rstrip("\r")
                if text.strip() and not text.startswith("-DOCSTART-"):
                    sentence.append(text)
                elif sentence:
                    yield _row(index, sentence, problem)
                    index, sentence, problem = index + 1, [], None
        if sentence:
            yield _row(index, sentence, problem)


def _row(index: int, sentence: list[str], problem: str | None) -> SourceRow:
    tokens, tags = [], []
    for line in sentence:
        pair = _split(line)
        if pair is None:
            problem = problem or f"the line {line[:80]!r} is not a token with its tag"
            break
        tokens.append(pair[0])
        tags.append(pair[1])
    if problem:
        return SourceRow(index, error=problem, raw="\n".join(sentence)[:RAW_CHARS])
    return SourceRow(index, {"tokens": tokens, "tags": tags})
