"""Progress as lines, for logs: the share that is done, the time that is left, the figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

_SECONDS = 30.0  # between two lines of a phase
_LOOK = 1.0  # seconds between two looks at whether a line is due


class PhaseLines:
    """Writes a line every half minute of a phase, whether or not its work says how far it is.

    Args:
        write: takes a line.
        clock: seconds, from any start.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._lock = threading.Lock()
        self._ended: threading.Event | None = None
        self._figures: dict[str, str | float] = {}

    def start(self, description: str, total: int | None) -> None:
        """Begin a phase of `total` units; None: their number is unknown."""
        self.finish()
        self._write(description)
        self._description, self._total, self._done = description, total, 0
        self._begun = self._last = self._clock()
        self._figures = {}
        self._ended = threading.Event()
        # Work that is one long call of a library says nothing for itself.
        threading.Thread(target=self._watch, args=(self._ended,), name="progress", daemon=True).start()

    def advance(self, units: int, figures: Mapping[str, str | float]) -> None:
        """Units done."""
        if self._ended is not None:
            with self._lock:
                self._done += units
                self._figures.update(figures)
            self.tick()

    def tick(self) -> None:
        """Write the line, where one is due."""
        with self._lock:
            now = self._clock()
            if now - self._last < _SECONDS:
                return
            self._last = now
            line = self._line(now - self._begun)
        self._write(line)

    def finish(self) -> None:
        """End the phase."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_LOOK):
            self.tick()

    def _line(self, seconds: float) -> str:
        if not self._done:
            share = f"{duration(seconds)} so far"
        elif self._total:
            left = seconds * max(self._total - self._done, 0) / self._done
            share = (
                f"{self._done:,} of {self._total:,} ({self._done / self._total:.0%}), {duration(left)} left"
            )
        else:
            share = f"{self._done:,}, {duration(seconds)} so far"
        figures = "".join(f", {name} {short_figure(value)}" for name, value in self._figures.items())
        return f"{self._description}: {share}{figures}"


def short_figure(value: str | float) -> str:
    """A figure beside the progress."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Seconds in words: `2 h 5 min`, `3 min 10 s`, `8 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
