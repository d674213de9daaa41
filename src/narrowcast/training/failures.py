"""The distinct ways a run can fail, distinguished by what was raised."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowcast.errors import CancelledError, NarrowcastError, StageError, WorkspaceError
from narrowcast.training.outputs.checkpoints import last_checkpoint, step_of
from narrowcast.training.outputs.disk import why_no_room
from narrowcast.training.tracking.base import Outcome

_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "DefaultCPUAllocator")
_NO_ROOM = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or have the quota raised"),
    errno.EFBIG: ("a file would be larger than this process may write", "ulimit -f unlimited"),
}


@contextmanager
def training_failures(folder: Path) -> Iterator[None]:
    """Name what went wrong: no room on the disk, `training_oom` or `training_runtime_error`.

    Our own errors pass, and so do other refusals of the operating system.

    Args:
        folder: of the run.
    """
    try:
        yield
    except NarrowcastError:
        raise
    except MemoryError as error:
        raise _out_of_memory() from error
    except Exception as error:
        number = why_no_room(error, folder)
        if number is not None:
            raise no_room(number, folder / "checkpoints") from error
        if isinstance(error, OSError):
            raise
        if any(mark in str(error) for mark in _OUT_OF_MEMORY):
            raise _out_of_memory() from error
        lines = str(error).splitlines() or [""]
        raise StageError(
            f"training stopped: {type(error).__name__}: {lines[0]}",
            next_command="narrowcast --debug train --resume"
            if last_checkpoint(folder / "checkpoints")
            else "write --debug behind narrowcast in the same command: it shows where the error arose",
            reason_code="training_runtime_error",
        ) from error


def outcome_of(error: BaseException) -> Outcome:
    """How trackers call the end of a run that raised."""
    if isinstance(error, CancelledError | KeyboardInterrupt):
        return "cancelled"
    if isinstance(error, NarrowcastError) and error.reason_code == "training_timeout":
        return "timeout"
    return "failed"


def _out_of_memory() -> StageError:
    return StageError(
        "the machine ran out of memory",
        next_command="narrowcast train --resume --oom-retries 3, or a smaller --base",
        reason_code="training_oom",
    )


def no_room(number: int, checkpoints: Path) -> WorkspaceError:
    """What could not be written for want of room, and what is still there.

    Args:
        number: one of `disk.NO_ROOM`.
        checkpoints: folder of the run's checkpoints, torn ones removed.
    """
    what, fix = _NO_ROOM[number]
    kept = last_checkpoint(checkpoints)
    left = f"the checkpoint at step {step_of(kept)} is kept" if kept else "there was no checkpoint before"
    return WorkspaceError(
        f"{what}; {left}",
        where=str(checkpoints),
        next_command=f"{fix}, then narrowcast train --resume",
        reason_code="system_disk_full",
    )
