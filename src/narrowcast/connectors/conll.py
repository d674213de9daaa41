"""Token-per-line files: a token and its tag a line, a blank line between sentences (CoNLL, WNUT)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.encoding import BadLine, find_encoding
from narrowcast.connectors.source import RAW_CHARS, SourceFile
from narrowcast.core.row import SourceRow

_TAG = re.compile(r"O|[BIESLUM]-\S+")
# Tags of types alone, without a prefix: O stands where there is none, and few types recur.
_PLAIN_TAG = re.compile(r"[A-Za-z][\w.\-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*")  # before each token of WikiAnn: `en:Oslo`
_PART_OF_TWO = re.compile(r"\d+[-.]\d+")  # CoNLL-U's number of a contraction, whose words follow
_DOCUMENT = "-DOCSTART-"
_MOST_TYPES = 50
_LEAST_OUTSIDE = 0.3
_LEAST_FITTING = 0.95
_LOOKED_AT = 2_000  # lines


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a line has its token and its tag.

    Attributes:
        separator: a tab or a space.
        token: number of the column, from the end where it is negative.
        tag: the same.
        pattern: of a tag.
        counted: the first column numbers the tokens of a sentence.
    """

    separator: str
    token: int
    tag: int
    pattern: re.Pattern[str]
    counted: bool = False

    def of(self, line: str) -> tuple[str, str] | None:
        """Token and tag; None where the line has none."""
        cells = line.split(self.separator)
        last = max(self.token, self.tag, -self.token - 1, -self.tag - 1, 1)
        if len(cells) <= last or not cells[self.token] or not self.pattern.fullmatch(cells[self.tag]):
            return None
        return cells[self.token], cells[self.tag]

    def is_aside(self, line: str) -> bool:
        """Whether a line is a comment, or a contraction whose words follow."""
        number = line.partition(self.separator)[0]
        return (line.startswith("#") and self.of(line) is None) or (
            self.counted and _PART_OF_TWO.fullmatch(number) is not None
        )


def looks_like_conll(text: str) -> bool:
    """Whether at least 95 % of the filled lines have a token and a tag, and blank lines divide them.

    Tags are BIO tags, or types alone, of which many are O where all lines have as many columns.
    """
    lines = text.split("\n")[:_LOOKED_AT]
    filled = [line.rstrip("\r") for line in lines if line.strip()]
    return 3 <= len(filled) < len(lines) and _find_columns(filled) is not None


def _find_columns(lines: list[str]) -> _Columns | None:
    """The columns of token and tag of filled lines; where the last tags nothing, another one may."""
    separator = "\t" if 2 * sum("\t" in line for line in lines) > len(lines) else " "
    plain = [line for line in lines if not line.startswith(("#", _DOCUMENT))] or lines
    cells = [line.split(separator) for line in plain]
    width, usual = Counter(map(len, cells)).most_common(1)[0]
    if width < 2:
        return None
    counted = width > 2 and _counts([each[0] for each in cells if not _PART_OF_TWO.fullmatch(each[0])])
    token, others = int(counted), []
    last = _Columns(separator, token, -1, _TAG, counted)
    if usual >= _LEAST_FITTING * len(cells):
        others = [_Columns(separator, -1, 0, _TAG)] if not counted else []
        others += [_Columns(separator, token, tag, _TAG, counted) for tag in range(width - 2, token, -1)]
        others += [_Columns(separator, token, -1, _PLAIN_TAG, counted)]
        others += [_Columns(separator, -1, 0, _PLAIN_TAG)] if not counted else []
    columns = next((each for each in (last, *others) if _tags(each, plain)), None)
    return columns or (last if _fits(last, plain) else None)


def _counts(cells: list[str]) -> bool:
    """Whether a column counts 1, 2, 3 in each sentence."""
    numbers = [int(cell) if cell.isascii() and cell.isdigit() else -1 for cell in cells]
    steps = sum(number in (1, before + 1) for before, number in pairwise([0, *numbers]))
    return steps >= _LEAST_FITTING * len(cells) and numbers.count(1) < len(numbers)


def _fits(columns: _Columns, lines: list[str]) -> bool:
    plain = [line for line in lines if not columns.is_aside(line)]
    return sum(columns.of(line) is not None for line in plain) >= _LEAST_FITTING * max(1, len(plain))


def _tags(columns: _Columns, lines: list[str]) -> bool:
    """Whether the lines have tags there, some of which say what a token is."""
    if not _fits(columns, lines):
        return False
    kinds = Counter(pair[1] for pair in map(columns.of, lines) if pair is not None)
    if columns.pattern is _TAG:
        return any("-" in kind for kind in kinds)
    return kinds["O"] >= _LEAST_OUTSIDE * kinds.total() and 2 <= len(kinds) <= _MOST_TYPES


class ConllConnector:
    """Built by `file:`; one sentence per row: `{"tokens": [...], "tags": [...]}`."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        source.allow("encoding", "errors")
        head = source.sample()
        self._encoding = find_encoding(source, head)
        lines = [line for line in head.decode(self._encoding.name, "replace").splitlines() if line.strip()]
        self._columns = _find_columns(lines[:_LOOKED_AT]) or _Columns("\t", 0, -1, _TAG)
        tokens = (pair[0] for pair in map(self._columns.of, lines) if pair is not None)
        prefixes = {token.partition(":")[0] for token in tokens}
        language = prefixes.pop() if len(prefixes) == 1 else ""
        self._prefix = f"{language}:" if _LANGUAGE.fullmatch(language) else ""

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
                if text.strip() and not text.startswith(_DOCUMENT):
                    if not self._columns.is_aside(text):
                        sentence.append(text)
                elif sentence:
                    yield self._row(index, sentence, problem)
                    index, sentence, problem = index + 1, [], None
        if sentence:
            yield self._row(index, sentence, problem)

    def _row(self, index: int, sentence: list[str], problem: str | None) -> SourceRow:
        tokens, tags = [], []
        for line in sentence:
            pair = self._columns.of(line)
            if pair is None:
                problem = problem or f"the line {line[:80]!r} is not a token with its tag"
                break
            tokens.append(pair[0].removeprefix(self._prefix))
            tags.append(pair[1])
        if problem:
            return SourceRow(index, error=problem, raw="\n".join(sentence)[:RAW_CHARS])
        return SourceRow(index, {"tokens": tokens, "tags": tags})
