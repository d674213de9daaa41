"""How many threads are worth starting."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores that this process may use; all of the machine's on macOS, which cannot bind a process to some."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
