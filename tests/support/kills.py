"""Work that is killed at a chosen step: a rename, a removal or an append, which reach the disk for good."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]
_Step = Callable[[str, tuple[Any, ...], Path], bool]

_NEVER = -1


def count_steps(root: Path, work: Work) -> int:
    """How many steps below `root` the work takes; it is done in a process of its own, to its end."""
    return _in_a_child(root, work, _NEVER)


def killed_at(step: int, root: Path, work: Work) -> None:
    """Begin the work in a process of its own, killed right before its step of that number, from 1."""
    done = _in_a_child(root, work, step)
    assert done == step, f"step {step} was to be the last, and {done} were reached"


def count_opened(path: Path, work: Work) -> int:
    """How often the work opens a file; it is done in a process of its own."""
    return _in_a_child(path, work, _NEVER, _opens)


def _in_a_child(root: Path, work: Work, last: int, is_step: _Step | None = None) -> int:
    """The number of steps reached."""
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # newer interpreters warn of threads before a fork
        child = os.fork()
    if not child:
        _run(root, work, last, sender, is_step or _is_step)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        steps = len(pipe.read())
    _, status = os.waitpid(child, 0)
    expected = 0 if last == _NEVER else -signal.SIGKILL
    assert os.waitstatus_to_exitcode(status) == expected, f"the process ended with status {status}"
    return steps


def _run(root: Path, work: Work, last: int, sender: int, is_step: _Step) -> None:
    """In the child. An audit hook sees every system call of interest, whichever part of the code makes it."""
    taken = 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal taken
        if is_step(event, arguments, root):
            taken += 1
            os.write(sender, b".")
            if taken == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    try:
        work()
    except BaseException:  # noqa: BLE001 - nothing may run on as a second test process
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _opens(event: str, arguments: tuple[Any, ...], path: Path) -> bool:
    return event == "open" and str(arguments[0]) == str(path)


def _is_step(event: str, arguments: tuple[Any, ...], root: Path) -> bool:
    inside = f"{root}{os.sep}"
    if event == "os.rename":
        return str(arguments[1]).startswith(inside)
    if event in ("os.remove", "os.rmdir"):
        path, folder = arguments
        # The removal of a whole folder names each file within the folder that is open.
        parent = Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path()
        return str(parent / str(path)).startswith(inside)
    if event == "open":
        path, _, flags = arguments
        appends = isinstance(flags, int) and bool(flags & os.O_APPEND)
        return appends and str(path).startswith(inside) and Path(str(path)).name != "lock"
    return False
