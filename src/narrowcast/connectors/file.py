"""`file:PATH`: a file of any known format, detected by its content, then by its extension."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from narrowcast.connectors import base
from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.conll import ConllConnector, looks_like_conll
from narrowcast.connectors.csv_file import CsvConnector
from narrowcast.connectors.excel import OLE, SUFFIXES, ZIP, ExcelConnector
from narrowcast.connectors.fasttext import FastTextConnector, looks_like_fasttext
from narrowcast.connectors.json_file import JsonConnector
from narrowcast.connectors.json_values import is_conversation
from narrowcast.connectors.jsonl import JsonlConnector
from narrowcast.connectors.parquet import ParquetConnector
from narrowcast.connectors.source import SourceFile, settle_path
from narrowcast.core.row import SourceRow

_OPTIONS = frozenset({"encoding", "errors", "delimiter", "header", "sheet", "short", "fill"})


class FileConnector:
    """Built from the path after `file:`; hands over to the connector of the form it finds."""

    settle = staticmethod(settle_path)

    def __init__(self, rest: str) -> None:
        source = SourceFile("file", rest, _OPTIONS)
        self._inner = _form(source)(source)

    def describe(self) -> SourceDescription:
        """As the form's own connector says."""
        return self._inner.describe()

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._inner.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """As the form's own connector reads."""
        return self._inner.load()


def _form(source: SourceFile) -> Callable[[SourceFile], base.FileConnector]:
    head = source.sample()
    if head.startswith(b"PAR1"):
        return ParquetConnector
    if head.startswith((ZIP, OLE)) and source.suffix in SUFFIXES:
        return ExcelConnector
    source.refuse_binary(head)
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    if looks_like_fasttext(text):
        return FastTextConnector
    if source.suffix in (".csv", ".tsv", ".tab"):
        return ConllConnector if source.suffix != ".csv" and looks_like_conll(text) else CsvConnector
    if text.lstrip()[:1] in ("{", "["):
        return JsonlConnector if _is_jsonl(source, text) else JsonConnector
    if looks_like_conll(text):
        return ConllConnector
    if source.suffix in (".jsonl", ".ndjson"):
        return JsonlConnector
    return JsonConnector if source.suffix == ".json" else CsvConnector


def _is_jsonl(source: SourceFile, text: str) -> bool:
    """Whether the first line is a whole JSON value and others follow; `.jsonl` may also break its promise."""
    first, newline, rest = text.lstrip().partition("\n")
    try:
        value = json.loads(first)
    except ValueError:
        return source.suffix in (".jsonl", ".ndjson") and "\n" in text.strip() and not _spans_lines(text)
    following = rest.strip()
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return is_conversation(value) and bool(following)  # else a list of records, however many follow
    if source.suffix in (".jsonl", ".ndjson"):
        return True
    return bool(newline) and following[:1] in ("{", "[")


def _spans_lines(text: str) -> bool:
    """A document laid out over lines opens with a bracket alone on its line."""
    return text.lstrip().partition("\n")[0].strip() in ("{", "[")
