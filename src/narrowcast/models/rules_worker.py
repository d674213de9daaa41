"""The child process of a rules file: a script of its own, which imports nothing but the standard library.

One JSON object a line. The first on standard input is `{"source", "name", "seconds", "seconds_to_load"}`, and
is answered by `{"ready": true}`; each further one is `{"inputs"}`, and is answered by `{"answer"}`, a text
of JSON. Either is answered by `{"error": {"what", "line"}}` where the file raised. Each line has a `token`,
and its answer the same one. What the file prints goes to standard error.
The process ends with its input, and by a signal where a row takes longer than `seconds`, whatever the code
does.

On Linux it forks before it runs the file: the child answers, and its parent ends what the file has started,
in whatever session, once the child has ended or SIGTERM asks for it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

FUNCTION = "answer"
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Answer until the input ends."""
    if sys.platform == "linux":
        _fork()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process even within a call that holds the GIL

    own = os.getpid()

    def send(token: str, line: dict[str, Any]) -> None:
        _limit(0)
        if os.getpid() != own:  # the file has forked; one process answers
            os._exit(0)
        out.write(json.dumps({"token": token, **line}) + "\n")
        out.flush()

    setup = json.loads(sys.stdin.readline())
    name, token = setup["name"], setup["token"]
    try:
        _limit(setup["seconds_to_load"])
        function = _function(setup["source"], name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code raises anything
        send(token, {"error": _fault(error, name)})
        return
    send(token, {"ready": True})
    for text in sys.stdin:
        if not text.endswith("\n"):  # a kill of the parent tore it
            return
        row = json.loads(text)
        try:
            _limit(setup["seconds"])
            line: dict[str, Any] = {"answer": _written(function(row["inputs"]))}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code raises anything
            line = {"error": _fault(error, name)}
        send(row["token"], line)


def _fork() -> None:
    """Return in the child alone. Its orphans become children of this process, which ends them."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    awaited = {signal.SIGTERM, signal.SIGCHLD}
    former = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        return
    os.closerange(0, 3)  # the pipes end with the child
    code = None
    while code is None and signal.sigwait(awaited) != signal.SIGTERM:
        code = _reap(child)
    _end_children()
    os._exit(128 + signal.SIGTERM if code is None else code if code >= 0 else 128 - code)


def _reap(child: int) -> int | None:
    """Take note of the processes that have ended: the exit code of the child, None while it runs."""
    ended, status = os.waitpid(-1, os.WNOHANG)
    while ended not in (0, child):
        ended, status = os.waitpid(-1, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _end_children() -> None:
    """Until there are none: those of a child that ends become children of this process."""
    with suppress(ChildProcessError):
        while True:
            for child in _children():
                with suppress(OSError):  # it has ended, or is another user's
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> Iterator[int]:
    own = str(os.getpid())
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _state, parent, *_ = each.read_bytes().rpartition(b")")[2].decode().split()
            if parent == own:
                yield int(each.parent.name)


def _function(source: str, name: str) -> Any:
    module = types.ModuleType("rules")
    module.__file__ = name
    sys.modules["rules"] = module  # dataclasses look their module up
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - the user said yes to it
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise TypeError(f"there is no function {FUNCTION}(inputs)")
    return function


def _limit(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _written(value: Any) -> str:
    """The value as JSON, else its description; no task has such an answer."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(f"<{type(value).__name__}>")
    return text


def _fault(error: BaseException, name: str) -> dict[str, Any]:
    """What was raised, and in which line of the file."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == name else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    text = str(error).strip().split("\n")[0][:300]
    return {"what": f"{type(error).__name__}: {text}" if text else type(error).__name__, "line": line}


if __name__ == "__main__":
    main()
