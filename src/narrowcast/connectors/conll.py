"""Token-per-line files: a token and its tag a line, a blank line between sentences (CoNLL, WNUT)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import BadLine, find_encoding
from narrowcast.connectors.source import RAW_CHARS, SourceFile
from narrowcast.core.row import SourceRow

_TAG = re.compile(r"O|[BIESLUM]-\S+")
# Tags of types alone, without a prefix: O stands where there is none, and few types recur.
_PLAIN_TAG = re.compile(r"[A-Za-z][\w.\-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*")  # before each token of WikiAnn: `en:Oslo`
_MOST_TYPES = 50
_LEAST_OUTSIDE = 0.3


def looks_like_conll(text: str) -> bool:
    """Whether at least 95 % of the filled lines end in a tag, in sentences separated by blank lines.

    Tags are BIO tags; in tables with tabs also types alone, of which most are O.
    """
    lines = text.split("\n")[:2_000]
    filled = [line.rstrip("\r") for line in lines if line.strip()]
    if len(filled) < 3 or len(filled) == len(lines):
        return False
    tagged = sum(_split(line) is not None for line in filled)
    return tagged >= 0.95 * len(filled) or _has_plain_tags(filled)


def _has_plain_tags(lines: list[str]) -> bool:
    pairs = [pair for line in lines if "\t" in line and (pair := _split(line, _PLAIN_TAG)) is not None]
    kinds = Counter(tag for _, tag in pairs)
    common = len(pairs) >= 0.95 * len(lines) and kinds["O"] >= _LEAST_OUTSIDE * len(pairs)
    return common and 2 <= len(kinds) <= _MOST_TYPES


def _split(line: str, tag: re.Pattern[str] = _TAG) -> tuple[str, str] | None:
    """First column and last column, where the last is a tag."""
    cells = line.split("\t") if "\t" in line else line.split(" ")
    if len(cells) >= 2 and cells[0] and tag.fullmatch(cells[-1]):
        return cells[0], cells[-1]
    return None


class ConllConnector:
    """Built by `file:`; one sentence per row: `{"tokens": [...], "tags": [...]}`."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        source.allow("encoding", "errors")
        head = source.sample()
        self._encoding = find_encoding(source, head)
        lines = [line for line in head.decode(self._encoding.name, "replace").splitlines() if line.strip()]
        bio = sum(_split(line) is not None for line in lines)
        prefixes = {line.partition(":")[0] for line in lines if not line.startswith("-DOCSTART-")}
        language = prefixes.pop() if len(prefixes) == 1 else ""
        self._prefix = f"{language}:" if _LANGUAGE.fullmatch(language) else ""
        self._tag = _PLAIN_TAG if bio < 0.95 * len(lines) and _has_plain_tags(lines) else _TAG

    def describe(self) -> SourceDescription:
        """Separator and columns."""
        notes = [
            *self._encoding.notes,
            "one token and its tag per line, blank lines between sentences; each sentence is a row",
        ]
        if self._prefix:
            notes.append(f"{self._prefix!r}, which begins each token, is not part of it")
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
                if isinstance(line, BadLine):
                    problem = problem or line.error
                text = (line.text if isinstance(line, BadLine) else line).rstrip("\r")
                if text.strip() and not text.startswith("-DOCSTART-"):
                    sentence.append(text.removeprefix(self._prefix))
                elif sentence:
                    yield _row(index, sentence, problem, self._tag)
                    index, sentence, problem = index + 1, [], None
        if sentence:
            yield _row(index, sentence, problem, self._tag)


def _row(index: int, sentence: list[str], problem: str | None, tag: re.Pattern[str]) -> SourceRow:
    tokens, tags = [], []
    for line in sentence:
        pair = _split(line, tag)
        if pair is None:
            problem = problem or f"the line {line[:80]!r} is not a token with its tag"
            break
        tokens.append(pair[0])
        tags.append(pair[1])
    if problem:
        return SourceRow(index, error=problem, raw="\n".join(sentence)[:RAW_CHARS])
    return SourceRow(index, {"tokens": tokens, "tags": tags})
