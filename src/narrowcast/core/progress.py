"""How long work reports itself and how it is stopped; interfaces supply the visible part."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from narrowcast.errors import CancelledError

Item = TypeVar("Item")


class Progress(Protocol):
    """A progress display. Calls are cheap; an implementation throttles itself."""

    def start(self, description: str, total: int | None = None) -> None:
        """Begin a phase of `total` units (unknown where None); ends the one before."""

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Units done, with figures to show beside the bar (loss, tokens/s)."""

    def note(self, text: str) -> None:
        """A line above the bar."""

    def finish(self) -> None:
        """End the phase."""


class NullProgress:
    """Shows nothing."""

    def start(self, description: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


Share = Callable[[float], None]
"""Takes how much of a part of some work was done since the last call, from 0 to 1."""


def ignored(_share: float) -> None:
    """Where nobody asks."""


class Parts:
    """One phase whose work has several parts, shown as one count of its items.

    Args:
        progress: where it is shown.
        description: of the phase, which begins now.
        size: its items.
        weights: how long the parts take, relative to each other.
    """

    def __init__(self, progress: Progress, description: str, size: int, weights: Mapping[str, float]) -> None:
        progress.start(description, size)
        self._progress, self._size = progress, size
        self._weights, self._whole = weights, sum(weights.values())
        self._done = 0.0
        self._counted = 0

    def of(self, part: str) -> Share:
        """Takes the progress of a part."""

        def take(share: float) -> None:
            self._done += share * self._weights[part] / self._whole
            new = min(int(self._done * self._size + 1e-6), self._size) - self._counted
            if new > 0:
                self._counted += new
                self._progress.advance(new)

        return take


class CancelToken:
    """Set from a signal handler or another thread; polled by the work between units."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next safe point."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """True once a stop was asked for."""
        return self._event.is_set()

    def check(self, *, reason_code: str = "system_cancelled") -> None:
        """Raise where a stop was asked for.

        Raises:
            CancelledError: with the reason code of the stage.
        """
        if self.requested:
            raise CancelledError("stopped on request", reason_code=reason_code)


UNSTOPPABLE = CancelToken()
"""Of work that nobody can stop."""


def stoppable(items: Iterable[Item], cancel: CancelToken, every: int = 256) -> Iterator[Item]:
    """The items, with a look at the token before each `every` of them.

    Raises:
        CancelledError: on request.
    """
    for number, item in enumerate(items):
        if number % every == 0:
            cancel.check()
        yield item
