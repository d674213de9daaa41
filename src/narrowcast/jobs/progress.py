"""The progress of a command that runs as a job: a file to poll, and a line in the log every 30 s."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from narrowcast.core.progress_lines import PhaseLines
from narrowcast.jobs.record import JobProgress
from narrowcast.store.files import write_json

VARIABLE = "NARROWCAST_JOB_PROGRESS"
"""Environment variable that names the file."""

_SECONDS = 1.0  # between two writes


class FileProgress:
    """Writes `progress.json`, once a second at most."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._progress = JobProgress()
        self._written = 0.0
        self._lines = PhaseLines(self._line, clock)

    def start(self, description: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._progress = JobProgress(phase=description, total=total)
        self._lines.start(description, total)
        self._write()

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Units done."""
        self._progress.done += units
        self._progress.figures.update(fields)
        self._lines.advance(units, fields)
        if time.monotonic() - self._written > _SECONDS:
            self._write()

    def note(self, text: str) -> None:
        """A line in the log."""
        self._line(f"  {text}")

    def finish(self) -> None:
        """Write the last figures of the phase."""
        self._lines.finish()
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        write_json(self._path, self._progress.model_dump())

    @staticmethod
    def _line(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
