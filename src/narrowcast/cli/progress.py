"""The visible part of long work: a bar with figures, and ctrl-C as a clean cancel."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichBar

from narrowcast.cli.output import stderr
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.progress_lines import PhaseLines, short_figure
from narrowcast.core.work import Work


class RichProgress:
    """A bar on standard error; without a terminal, a line per phase, and one every 30 s within it.

    Args:
        console: where it is shown.
        clock: seconds, from any start.
    """

    def __init__(self, console: Console = stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._lines = PhaseLines(self._print, clock)
        self._bar: RichBar | None = None
        self._task: TaskID | None = None

    def start(self, description: str, total: int | None = None) -> None:
        """Begin a phase; the one before stays on the screen as finished."""
        self.finish()
        if not self._console.is_terminal:
            self._lines.start(description, total)
            return
        self._bar = RichBar(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[figures]}"),
            console=self._console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(escape(description), total=total, figures="")

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Units done, with figures beside the bar."""
        if not self._console.is_terminal:
            self._lines.advance(units, fields)
        if self._bar is None or self._task is None:
            return
        if fields:
            figures = "  ".join(f"{name} {short_figure(value)}" for name, value in fields.items())
            self._bar.update(self._task, advance=units, figures=figures)
        else:
            self._bar.update(self._task, advance=units)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(f"  {escape(text)}")

    def finish(self) -> None:
        """Take the bar down, or end the lines."""
        self._lines.finish()
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


def _display(as_json: bool) -> Progress:
    path = os.environ.get("NARROWCAST_JOB_PROGRESS")
    if path:
        from narrowcast.jobs.progress import FileProgress

        return FileProgress(Path(path))
    return RichProgress(Console(stderr=True, quiet=True) if as_json else stderr)


@contextmanager
def terminal_work(as_json: bool = False) -> Iterator[Work]:
    """Progress on the terminal, and a cancel token that the first ctrl-C (or SIGTERM) sets.

    A second ctrl-C interrupts immediately. With `--json` only standard error is written to.
    """
    with working(as_json) as (progress, cancel):
        yield Work(progress, cancel)


@contextmanager
def working(as_json: bool = False) -> Iterator[tuple[Progress, CancelToken]]:
    """A progress display and a cancel token that the first ctrl-C (or SIGTERM) sets.

    A second ctrl-C interrupts immediately. With `--json` only standard error is written to.
    """
    progress, token = _display(as_json), CancelToken()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if token.requested:
            raise KeyboardInterrupt
        token.cancel()
        progress.note("stopping at the next safe point; press ctrl-C again to stop immediately")

    previous: dict[int, Any] = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield progress, token
    finally:
        progress.finish()
        for number, handler in previous.items():
            signal.signal(number, handler)
