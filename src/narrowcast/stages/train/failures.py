"""The distinct ways a run can fail, told apart by what was raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowcast.errors import NarrowcastError, StageError, WorkspaceError

_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "DefaultCPUAllocator")


@contextmanager
def training_failures() -> Iterator[None]:
    """Name what went wrong: `training_oom` or `training_runtime_error`; our own errors pass."""
    try:
        yield
    except (NarrowcastError, OSError):
        raise
    except MemoryError as error:
        raise _out_of_memory() from error
    except Exception as error:
        if any(mark in str(error) for mark in _OUT_OF_MEMORY):
            raise _out_of_memory() from error
        lines = str(error).splitlines() or [""]
        raise StageError(
            f"training stopped: {type(error).__name__}: {lines[0]}",
            next_command="narrowcast --debug train --resume",
            reason_code="training_runtime_error",
            stage="training",
        ) from error


def _out_of_memory() -> StageError:
    return StageError(
        "the machine ran out of memory",
        next_command="narrowcast train --micro-batch-size 4, or a smaller --base",
        reason_code="training_oom",
        stage="training",
    )


def disk_is_full(folder: Path) -> WorkspaceError:
    """A checkpoint did not fit; the one before it stays."""
    return WorkspaceError(
        "the disk is full; the last whole checkpoint was kept",
        where=str(folder),
        next_command="free some space, then narrowcast train --resume",
        reason_code="system_disk_full",
        stage="training",
    )
