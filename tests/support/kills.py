"""Work that is killed: at a chosen moment, or at a chosen step (a rename, a removal or an append, which reach
the disk for good)."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

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


def ended_after(
    seconds: float, work: Work, number: signal.Signals = signal.SIGKILL
) -> tuple[int | None, list[int]]:
    """Begin the work in a process of its own, and send it a signal after so many seconds.

    Returns:
        The exit code of the process, None where the signal ended it; and its own processes that outlived it.
    """
    child = _forked(work)
    if not _wait(child, seconds):
        os.kill(child, number)
    own = _of_session(child)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    _, outliving = psutil.wait_procs([each for each in own if each.pid != child], timeout=10)
    for each in outliving:
        each.kill()
    return (None if code < 0 else code), [each.pid for each in outliving]


def done_in_a_child(work: Work, seconds: float) -> int | None:
    """Do the work in a process of its own; its exit code, None where it took longer or was killed."""
    child = _forked(work)
    if not _wait(child, seconds):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code < 0 else code


def _forked(work: Work) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as in `_in_a_child`
        child = os.fork()
    if child:
        return child
    os.setsid()
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - nothing may run on as a second process of the caller
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> bool:
    """Whether the process has ended by then; it is still to be waited for."""
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.002)
    return True


def _of_session(leader: int) -> list[psutil.Process]:
    """Living processes of the session that a process began, itself included."""
    found = []
    for each in psutil.process_iter():
        try:
            if os.getsid(each.pid) == leader and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue  # it ended while it was looked at
    return found
