"""The process of a step: dies with its worker, then becomes the command.

    python -m narrowcast.jobs.child WORKER_PID COMMAND...

When the worker is killed, the kernel sends SIGTERM here (Linux; it holds across `exec`), which every long
command takes as a request to stop at the next safe point. A worker that comes back finds the project free.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns."""
    worker, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(worker):
        sys.exit(143)  # it died before the line above
    os.execv(sys.executable, [sys.executable, "-m", "narrowcast.cli.main", *command])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
