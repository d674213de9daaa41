"""`data dedupe` in a process of its own, stopped in each of its phases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.similarity.planted import questions
from tests.support.stopping import stopped_in

ROWS = 20_000
MOST_SECONDS = 5.0


@pytest.mark.parametrize("phase", ["reading the rows", "finding exact", "finding edited copies"])
def test_a_signal_ends_it_soon_in_each_phase(tmp_path: Path, phase: str) -> None:
    source, output = tmp_path / "rows.jsonl", tmp_path / "once.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in questions(ROWS)))
    words = ["--home", str(tmp_path / "home"), "data", "dedupe", "--locator", f"jsonl:{source}", "--copies"]
    stopped = stopped_in(phase, [*words, "--output", str(output)])
    assert stopped.seconds < MOST_SECONDS
    assert stopped.code == 1
    assert "stopped on request" in stopped.said
    assert not output.exists()
    assert not list(tmp_path.glob("*once*"))
