"""What every interface passes to an operation besides its request: where to show progress, how to stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic

from narrowcast.core.progress import CancelToken, Item, NullProgress, Progress

_PAUSE = 0.1  # seconds between two updates of the progress


@dataclass(slots=True)
class Work:
    """Progress and cancellation of one operation.

    The default shows nothing and cannot be cancelled from outside, which suits scripts and tests.

    Attributes:
        progress: shows how far the work is.
        cancel: stops it.
    """

    progress: Progress = field(default_factory=NullProgress)
    cancel: CancelToken = field(default_factory=CancelToken)


def watched(items: Iterable[Item], work: Work, *, reason_code: str = "system_cancelled") -> Iterator[Item]:
    """The items, with progress shown; the token is looked at before each, because one may take long.

    Args:
        items: are read as they are needed.
        work: shows the progress of the current phase, and stops the iteration.
        reason_code: of the cancellation.

    Raises:
        CancelledError: on request.
    """
    done, last = 0, monotonic()
    for item in items:
        work.cancel.check(reason_code=reason_code)
        yield item
        done += 1
        if monotonic() - last >= _PAUSE:
            work.progress.advance(done)
            done, last = 0, monotonic()
    if done:
        work.progress.advance(done)
