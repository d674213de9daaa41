"""The minutes that a set of models may take, and whether one fits by the speed of its first rows."""

from __future__ import annotations

import time

from narrowcast.core.progress_lines import duration

_PROBE = 8
"""Rows that the first forecast rests on."""
_JUDGED = 100
"""Once this many rows are answered, a model is let finish: what it has cost would be lost."""


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
        if self.seconds is None or done > _JUDGED:
            return
        rest, left = seconds / done * (rows - done), self._left()
        if rest > left:
            raise TooLongError(
                f"about {duration(seconds + rest)} by its first {done} rows, "
                f"and {duration(max(left, 0.0))} of {duration(self.seconds)} are left"
            )

    def _left(self) -> float:
        assert self.seconds is not None
        return self._began + self.seconds - time.monotonic()
