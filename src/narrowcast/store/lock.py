"""One writer a project: an advisory lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowcast.errors import ProjectBusyError


@contextmanager
def project_lock(path: Path, command: str) -> Iterator[None]:
    """Hold the project for the length of the block.

    Raises:
        ProjectBusyError: where another process holds it; says which.
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
