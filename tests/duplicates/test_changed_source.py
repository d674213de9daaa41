"""`data dedupe --output` reads a source twice; one that was changed between has a code of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.duplicates.dedupe import dedupe
from narrowcast.duplicates.requests import DedupeRequest
from narrowcast.errors import DataError


class Appending(NullProgress):
    """Adds a row to a file when the rows that stay are written."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def start(self, phase: str, total: int | None = None) -> None:
        if phase == "writing the rows that stay":
            with self._source.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"text": "one more"}) + "\n")


def test_a_source_that_changes_meanwhile_is_named(tmp_path: Path) -> None:
    source, output = tmp_path / "rows.jsonl", tmp_path / "once.jsonl"
    source.write_text("".join(json.dumps({"text": f"the kettle {n % 7}"}) + "\n" for n in range(20)))
    request = DedupeRequest(locator=f"jsonl:{source}", output=output)
    with pytest.raises(DataError, match="changed while it was read") as caught:
        dedupe(Settings.from_environment(), request, Work(Appending(source), CancelToken()))
    assert caught.value.reason_code == "prepare_source_changed"
    assert not output.exists()
