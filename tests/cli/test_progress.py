"""Progress without a terminal: lines that a log can hold."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from narrowcast.cli.progress import RichProgress
from narrowcast.jobs.progress import FileProgress


def test_a_line_every_half_minute_with_share_and_time_left() -> None:
    log, seconds = io.StringIO(), [0.0]
    progress = RichProgress(Console(file=log, width=200, highlight=False), clock=lambda: seconds[0])
    progress.start("training", 400)
    for step in range(1, 101):
        seconds[0] = step * 1.0
        progress.advance(1, loss=2.5 / step)
    progress.finish()
    progress.start("answering")
    seconds[0] += 31
    progress.advance(7)
    seconds[0] += 29
    progress.advance(7)
    assert log.getvalue().splitlines() == [
        "training",
        "training: 30 of 400 (8%), 6 min 10 s left, loss 0.08333",
        "training: 60 of 400 (15%), 5 min 40 s left, loss 0.04167",
        "training: 90 of 400 (22%), 5 min 10 s left, loss 0.02778",
        "answering",
        "answering: 7, 31 s so far",
    ]


def test_work_that_says_nothing_for_itself_has_its_lines() -> None:
    log, seconds = io.StringIO(), [0.0]
    progress = RichProgress(Console(file=log, width=200, highlight=False), clock=lambda: seconds[0])
    progress.start("tfidf: fitting on 8,003 rows")
    seconds[0] = 31.0
    for _ in range(100):
        if log.getvalue().count("\n") > 1:
            break
        time.sleep(0.1)
    progress.finish()
    assert log.getvalue().splitlines() == [
        "tfidf: fitting on 8,003 rows",
        "tfidf: fitting on 8,003 rows: 31 s so far",
    ]


def test_the_log_of_a_job_has_the_lines_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = [0.0]
    progress = FileProgress(tmp_path / "progress.json", clock=lambda: seconds[0])
    progress.start("training", 100)
    seconds[0] = 31.0
    progress.advance(10, loss=0.5)
    progress.finish()
    assert capsys.readouterr().err.splitlines() == [
        "training",
        "training: 10 of 100 (10%), 4 min 39 s left, loss 0.5",
    ]
