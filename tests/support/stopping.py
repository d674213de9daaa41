"""Work that is asked to stop in the middle."""

from __future__ import annotations

from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work


class Stopping(NullProgress):
    """Asks the work to stop after so many steps of fine-tuning."""

    def __init__(self, steps: int) -> None:
        self.work = Work(self)
        self._left, self._counts = steps, False

    def start(self, phase: str, total: int | None = None) -> None:
        self._counts = "fine-tuning" in phase

    def advance(self, count: int = 1) -> None:
        self._left -= count if self._counts else 0
        if self._left <= 0:
            self.work.cancel.cancel()
