"""`logs:PATH`: logged traffic of an OpenAI-style endpoint, one request and its response per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.jsonl import OPTIONS, JsonlConnector
from narrowcast.connectors.source import RAW_CHARS, SourceFile, settle_path
from narrowcast.connectors.traffic import TrafficError, conversation
from narrowcast.core.row import SourceRow


class LogsConnector:
    """Built from the path after `logs:`; which forms of a line are known is in `traffic.py`."""

    settle = staticmethod(settle_path)

    def __init__(self, rest: str) -> None:
        self._inner = JsonlConnector(SourceFile("logs", rest, OPTIONS))

    def describe(self) -> SourceDescription:
        """How many of the first lines are conversations."""
        description = self._inner.describe()
        first: list[SourceRow] = []
        for row in self.load():
            first.append(row)
            if len(first) == 100:
                break
        usable = [row for row in first if row.error is None]
        description.format = "logs"
        description.columns = list(dict.fromkeys(key for row in usable for key in row.data))
        description.notes.append(f"{len(usable)} of the first {len(first)} lines are answered requests")
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._inner.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """One row per request: its messages, ending with the reply; a failed one is a row with an error."""
        for row in self._inner.load():
            if row.error is not None:
                yield row
                continue
            try:
                yield SourceRow(row.index, conversation(row.data))
            except TrafficError as error:
                yield SourceRow(row.index, error=str(error), raw=_start(row.data))


def _start(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)[:RAW_CHARS]
