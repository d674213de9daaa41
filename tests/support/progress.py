"""Progress displays that act on what they are told."""

from __future__ import annotations

from narrowcast.core.progress import CancelToken, NullProgress


class Notes(NullProgress):
    """Keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class StopAfter(NullProgress):
    """Cancels after some optimizer steps, as ctrl-C would."""

    def __init__(self, steps: int) -> None:
        self.token, self._left = CancelToken(), steps

    def advance(self, units: int = 1, **fields: str | float) -> None:
        if "loss" in fields:
            self._left -= units
            if self._left == 0:
                self.token.cancel()


class Bar(StopAfter):
    """Never stops; keeps the length of each bar of training, and what was counted in it."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.totals: list[int | None] = []
        self.done, self._counts = 0, False

    def start(self, description: str, total: int | None = None) -> None:
        self._counts = description.startswith("training")
        self.totals += [total] if self._counts else []

    def advance(self, units: int = 1, **fields: str | float) -> None:
        self.done += units if self._counts else 0
