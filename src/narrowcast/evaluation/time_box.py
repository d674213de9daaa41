"""The minutes that a set of models may take, and whether one fits by the speed at which it begins."""

from __future__ import annotations

import time

from narrowcast.core.progress import Progress
from narrowcast.core.progress_lines import duration

_PROBE = 8
"""Rows that the first forecast rests on."""
_JUDGED = 100
"""Once this many rows are answered, or all, a model is let finish: what it has cost would be lost."""
_SOONEST = 1.0
"""Seconds of fitting before its speed says anything."""


class TooLongError(Exception):
    """A model that does not fit; `str` says why. Ends its measurement, not that of the others."""


class TimeBox:
    """The time of several models, from when it is made.

    Args:
        seconds: for all of them; None is no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._began = time.monotonic()

    def batches(self, rows: int, size: int) -> list[range]:
        """Row numbers in batches of `size`; where time is limited, the first is small, to forecast by."""
        first = min(_PROBE, rows) if self.seconds is not None else 0
        starts = [*([0] if first else []), *range(first, rows, size)]
        return [range(start, stop) for start, stop in zip(starts, [*starts[1:], rows], strict=True)]

    def check_open(self) -> None:
        """Raises: TooLongError: if no time is left."""
        if self.seconds is not None and self._left() <= 0:
            raise TooLongError(f"the {duration(self.seconds)} were used up by the models before it")

    def check(self, done: int, rows: int, seconds: float) -> None:
        """Forecast the rest of a model from what it has answered.

        Args:
            done: rows answered.
            rows: to be answered in all.
            seconds: that the answers took.

        Raises:
            TooLongError: if the rest takes longer than is left.
        """
        if done < rows and done <= _JUDGED:
            self.check_rest(seconds / done * (rows - done), seconds, f"by its first {done} rows")

    def watched(self, progress: Progress) -> Progress:
        """A display that raises `TooLongError` where a phase of known length would outlast the box."""
        return progress if self.seconds is None else _Watched(self, progress)

    def check_rest(self, rest: float, seconds: float, why: str) -> None:
        """Compare a forecast with what is left.

        Args:
            rest: seconds to come.
            seconds: since the model began this.
            why: what the forecast rests on.

        Raises:
            TooLongError: if the rest takes longer than is left.
        """
        if self.seconds is None:
            return
        left = self._left()
        if rest > left:
            raise TooLongError(
                f"about {duration(seconds + rest)} {why}, "
                f"and {duration(max(left, 0.0))} of {duration(self.seconds)} are left"
            )

    def _left(self) -> float:
        assert self.seconds is not None
        return self._began + self.seconds - time.monotonic()


class _Watched:
    """A progress display that forecasts phases by their first steps."""

    def __init__(self, box: TimeBox, progress: Progress) -> None:
        self._box, self._progress = box, progress
        self.note, self.finish = progress.note, progress.finish
        self.start("")

    def start(self, description: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._began, self._done, self._total = time.monotonic(), 0, total
        if description:
            self._progress.start(description, total)

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Units done.

        Raises:
            TooLongError: if the rest of the phase takes longer than is left.
        """
        self._progress.advance(units, **fields)
        self._done += units
        seconds = time.monotonic() - self._began
        if self._total and self._done and seconds >= _SOONEST and 2 * self._done < self._total:
            rest = seconds / self._done * (self._total - self._done)
            self._box.check_rest(rest, seconds, f"for its fitting by the first {self._done:,} steps")
