"""Progress as lines, for logs: the share that is done, the time that is left, the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

_SECONDS = 30.0  # between two lines of a phase


class PhaseLines:
    """Says when a line is due, and what it holds.

    Args:
        clock: seconds, from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.start("", None)

    def start(self, description: str, total: int | None) -> None:
        """Begin a phase of `total` units; None: their number is unknown."""
        self._description, self._total, self._done = description, total, 0
        self._begun = self._last = self._clock()

    def advance(self, units: int, figures: Mapping[str, str | float]) -> str | None:
        """Units done; the line, where one is due."""
        self._done += units
        now = self._clock()
        if now - self._last < _SECONDS:
            return None
        self._last = now
        share = f"{self._done:,}"
        if self._total:
            left = (now - self._begun) * max(self._total - self._done, 0) / max(self._done, 1)
            share += f" of {self._total:,} ({self._done / self._total:.0%}), {_duration(left)} left"
        return f"{self._description}: {share}" + "".join(
            f", {name} {short_figure(value)}" for name, value in figures.items()
        )


def short_figure(value: str | float) -> str:
    """A figure beside the progress."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
