"""Progress without a terminal: lines that a log can hold."""

from __future__ import annotations

import io

from rich.console import Console

from narrowcast.cli.progress import RichProgress


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
        "answering: 7",
    ]
