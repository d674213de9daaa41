"""The log of a job: whole, or as it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator

from narrowcast.core.settings import Settings
from narrowcast.jobs import control
from narrowcast.jobs.record import JobFiles
from narrowcast.jobs.requests import JobIdRequest

_PAUSE = 0.5  # seconds between two looks
_RUNNING = ("queued", "running", "stopping")


def read_log(settings: Settings, request: JobIdRequest) -> str:
    """What a job's commands wrote so far; empty before the first began.

    Raises:
        DataError: if there is no such job.
    """
    control.show(settings, request)
    path = JobFiles.of(settings, request.job).log
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def follow_log(settings: Settings, request: JobIdRequest) -> Iterator[str]:
    """The log in pieces until the job has ended, or waits for somebody to resume it.

    Raises:
        DataError: if there is no such job.
    """
    path, place = JobFiles.of(settings, request.job).log, 0
    while True:
        running = control.show(settings, request).status in _RUNNING
        if path.exists():
            with path.open("rb") as file:
                file.seek(place)
                piece = file.read()
            place += len(piece)
            if piece:
                yield piece.decode("utf-8", "replace")
        if not running:
            return
        time.sleep(_PAUSE)
