"""One writer a project: an advisory lock that the kernel drops when its holder dies.

Not filelock: its locks belong to a path, opened anew by each holder. Ours belong to an open file, which a
job's process inherits with the log it writes to, and `is_held` looks at one without taking it from anybody.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from narrowcast.errors import ProjectBusyError


@contextmanager
def project_lock(path: Path, command: str) -> Iterator[None]:
    """Hold the project for the length of the block.

    Raises:
        ProjectBusyError: if another process holds it; says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise ProjectBusyError(
                "another process works on this project",
                where=_holder(file.read()),
                next_command="wait until it has finished, then run the same command again",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "command": command}))
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def take(file: IO[str], seconds: float = 1.0) -> bool:
    """Take the lock of an open file, which `is_held` also holds for the moment in which it looks.

    Args:
        file: stays locked until it is closed or the process ends.
        seconds: for which a holder is waited for.

    Returns:
        Whether it was taken.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                return False
            time.sleep(0.02)
        else:
            return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the file's lock, as a job holds that of its log."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']}: {holder['command']}"
    except (ValueError, KeyError, TypeError):
        return "its lock file names no process"
