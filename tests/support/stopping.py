"""Work that is asked to stop in the middle: a command in a process of its own, or steps in this one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work
from tests.support.cli import command_line


@dataclass(frozen=True, slots=True)
class Stopped:
    """How it ended: exit code, standard error after the signal, and processor seconds until then."""

    code: int
    said: str
    seconds: float


def stopped_in(phase: str, words: Sequence[str]) -> Stopped:
    """Send SIGTERM as soon as the command says that it begins a phase."""
    started = subprocess.Popen(
        command_line(list(words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    with started.stderr as stream:
        assert any(phase in line for line in stream), f"there was no phase {phase!r}"
        times = psutil.Process(started.pid).cpu_times()
        started.send_signal(signal.SIGTERM)
        said = stream.read()
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    # Of the process itself: others may keep the machine busy.
    seconds = usage.ru_utime + usage.ru_stime - times.user - times.system
    return Stopped(started.returncode, said, seconds)


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
