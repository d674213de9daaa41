"""What every interface passes to an operation besides its request: where to show progress, how to stop."""

from __future__ import annotations

from dataclasses import dataclass, field

from narrowcast.core.progress import CancelToken, NullProgress, Progress


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
