"""The child process of a rules file: a script of its own, which imports nothing but the standard library.

One JSON object a line. The first on standard input is `{"source", "name", "seconds", "seconds_to_load"}`, and
is answered by `{"ready": true}`; each further one is `{"inputs"}`, and is answered by `{"answer"}`, a text
of JSON. Either is answered by `{"error": {"what", "line"}}` where the file raised. Each line has a `token`,
and its answer the same one. What the file prints goes to standard error.
The process ends with its input, and by a signal where a row takes longer than `seconds`, whatever the code
does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from typing import Any

FUNCTION = "answer"


def main() -> None:
    """Answer until the input ends."""
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
