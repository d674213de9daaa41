"""The child process that makes the paid calls: `python -m narrowcast.teacher.worker`.

It, not the run that asked for them, owns the requests. A run that is killed closes the pipe; the child then
takes no new call, finishes those under way, stores their answers and ends. The next run waits for the store's
lock and finds them, so a kill costs nothing twice.

JSON lines on standard input: first the `Setup`, then calls with an `id`. Lines on standard output: `waiting`
while another process holds the store, `ready`, then `{"id", "answer"}` with what was spent, or `error`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel

from narrowcast.errors import NarrowcastError
from narrowcast.faults import known, unexpected
from narrowcast.teacher.budget import Budget, Caps
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.endpoint import Endpoint
from narrowcast.teacher.settings import Price, TeacherSettings
from narrowcast.teacher.store import CallStore
from narrowcast.teacher.teacher import Teacher


class Setup(BaseModel):
    """The first line. The key travels here: arguments and files can be read by others.

    Attributes:
        store: path of the store of paid answers.
        run: names the spending of one generation.
        patience: seconds to wait for a child of an earlier run.
    """

    store: Path
    run: str
    url: str
    model: str
    key: str | None
    caps: Caps
    price: Price | None
    attempts: int
    concurrency: int
    timeout: float
    patience: float


class Worker:
    """Answers lines until its input ends."""

    def __init__(self, out: TextIO, store: CallStore, endpoint: Endpoint, setup: Setup) -> None:
        self._out, self._store, self._setup = out, store, setup
        self._lock = threading.Lock()
        self._budget = Budget(setup.caps, setup.price, store.spent)
        self._teacher = Teacher(endpoint, store, self._budget, attempts=setup.attempts)

    def serve(self, lines: Iterable[str]) -> None:
        """Take calls; at the end of the input, that is when the parent left, finish what is under way."""
        self._send({"ready": True})
        with ThreadPoolExecutor(self._setup.concurrency, thread_name_prefix="teacher") as pool:
            for line in lines:
                if line.endswith("\n"):  # a kill may tear the last one
                    pool.submit(self._answer, json.loads(line))
            self._teacher.stop()

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            answer = self._teacher.ask(Call.from_dict(request["call"]))
        except Exception as error:  # noqa: BLE001 - an error in a thread is lost, and the parent would wait forever
            self._teacher.stop()
            _send(self._out, error_line(known(error) or unexpected(error)), self._lock)
        else:
            self._send({"id": request["id"], "answer": _plain(answer)})

    def _send(self, line: dict[str, Any]) -> None:
        budget = self._budget
        with self._lock:  # read here, so that no later line has older totals
            figures = {"tokens": budget.tokens, "cost": budget.cost, "exhausted": budget.exhausted}
            _write(self._out, {**line, **figures, "spent": asdict(self._store.spent)})


def error_line(error: NarrowcastError) -> dict[str, Any]:
    """An error, so that the parent can raise it again."""
    named = ("what", "where", "next_command", "reason_code")
    return {"error": {name: getattr(error, name) for name in named}, "kind": type(error).__name__}


def _plain(answer: Answer | None) -> dict[str, Any] | None:
    return None if answer is None else asdict(answer)


def _send(out: TextIO, line: dict[str, Any], lock: threading.Lock) -> None:
    with lock:
        _write(out, line)


def _write(out: TextIO, line: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the parent is gone; what it should have heard is in the store
        out.write(json.dumps(line) + "\n")
        out.flush()


def main() -> int:
    """Serve the parent on standard input and output."""
    # A service manager's signal to the whole group must not cut paid requests off: the end of the input does.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library that prints must not print into the protocol
    first = sys.stdin.readline()
    if not first.endswith("\n"):
        return 1
    setup = Setup.model_validate_json(first)
    lock = threading.Lock()
    settings = TeacherSettings.model_validate({"url": setup.url, "model": setup.model, "key": setup.key})
    try:
        with (
            CallStore(
                setup.store,
                setup.run,
                patience=setup.patience,
                waiting=lambda: _send(out, {"waiting": True}, lock),
            ) as store,
            Endpoint(settings, timeout=setup.timeout, connections=setup.concurrency) as endpoint,
        ):
            Worker(out, store, endpoint, setup).serve(sys.stdin)
    except NarrowcastError as error:
        _send(out, error_line(error), lock)
        return 1
    with suppress(BrokenPipeError):
        out.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
