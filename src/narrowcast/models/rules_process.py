"""The parent's side of `rules_worker`: start it, ask it row by row, end it when a row takes too long."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from narrowcast.core.progress import CancelToken
from narrowcast.errors import ModelError
from narrowcast.models import rules_worker
from narrowcast.store.leftovers import scratch_folder

SECONDS_PER_ROW = 10.0
_SECONDS_TO_LOAD = 60.0
_GRACE = 2.0  # seconds after which the child ends itself, where nobody is left to end it
_GLANCE = 0.2  # seconds between two looks at the token
_LONGEST_LINE = 1 << 20
_KEPT_MESSAGES = 1 << 13
_DEEPEST = 64  # levels of an answer: no task has more, and all code after this can handle them
_PART = 1 << 16  # what a pipe holds


class RulesProcess:
    """One child process with one rules file; a context manager.

    It gets neither environment nor standard input of this process, and works in an empty folder. That keeps
    keys and row files out of its sight, not out of its reach: it is not a sandbox.

    Args:
        path: of the file, for errors.
        source: its text.
        cancel: stops it within a row.

    Raises:
        ModelError: if the file raises, has no function `answer`, or does not load in time.
        CancelledError: on request.
    """

    def __init__(self, path: Path, source: str, cancel: CancelToken) -> None:
        self._path, self._cancel = path, cancel
        self._open = ExitStack()
        folder = self._open.enter_context(scratch_folder("rules"))
        self._messages = b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", rules_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env={"PYTHONHASHSEED": "0"},  # the order of a set must not change an answer
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._in, self._out, self._err = self._process.stdin, self._process.stdout, self._process.stderr
        self._open.callback(self._end)
        os.set_blocking(self._in.fileno(), False)
        os.set_blocking(self._err.fileno(), False)
        setup = {
            "source": source,
            "name": str(path),
            "seconds": SECONDS_PER_ROW + _GRACE,
            "seconds_to_load": _SECONDS_TO_LOAD + _GRACE,
        }
        try:
            self._ask(setup, _SECONDS_TO_LOAD, "loading")
        except BaseException:
            self.close()
            raise

    def answer(self, inputs: Mapping[str, Any], row: str) -> Any:
        """What the function returns for the inputs of a row: a value that JSON can hold.

        One that is nested too deeply, or has a number of too many digits, is described by a text.

        Raises:
            ModelError: if it raises, takes too long or ends the process; names the line and the row.
            CancelledError: on request.
        """
        line = self._ask({"inputs": dict(inputs)}, SECONDS_PER_ROW, f"row {row}" if row else "a row")
        return _value(line["answer"])

    def _ask(self, line: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        token = secrets.token_hex(8)  # ties the answer to the question
        text = self._exchange(json.dumps({**line, "token": token}).encode() + b"\n", seconds, what)
        answer = _answer(text, token)
        if answer is None:
            raise self._error(f"{what}: its process wrote something else than the answer")
        if error := answer.get("error"):
            raise self._error(f"{what}: {error['what']}", error["line"])
        return answer

    def _exchange(self, line: bytes, seconds: float, what: str) -> bytes:
        """Send a line and return the next one; what the file prints is read too, as a full pipe blocks."""
        until = time.monotonic() + seconds
        unsent, parts, size = memoryview(line), list[bytes](), 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_WRITE)
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._err, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                self._cancel.check()
                ready = {key.fileobj for key, _ in selector.select(min(left, _GLANCE))}
                if self._in in ready:
                    unsent = self._send(unsent)
                    if not unsent:
                        selector.unregister(self._in)
                if self._err in ready and not self._read_message():
                    selector.unregister(self._err)
                if self._out not in ready:
                    continue
                part = os.read(self._out.fileno(), _PART)
                if not part:
                    raise self._ended(what)
                end = part.find(b"\n")
                parts.append(part if end < 0 else part[:end])
                size += len(parts[-1])
                if size > _LONGEST_LINE:
                    raise self._error(f"{what}: its answer has over {_LONGEST_LINE >> 20} MiB")
                if end >= 0:
                    return b"".join([*parts, part[end + 1 :]])  # what follows the line makes it unreadable
        raise self._error(f"{what}: no answer within {seconds:g} seconds")

    def _send(self, line: memoryview) -> memoryview:
        """What is left of the line; nothing where the process has ended, as reading will say."""
        try:
            return line[os.write(self._in.fileno(), line[:_PART]) :]
        except BrokenPipeError:
            return line[:0]

    def _read_message(self) -> bool:
        """Keep the end of what was printed; False where there is nothing more."""
        try:
            part = os.read(self._err.fileno(), _PART)
        except BlockingIOError:
            return False
        self._messages = (self._messages + part)[-_KEPT_MESSAGES:]
        return bool(part)

    def _ended(self, what: str) -> ModelError:
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return self._error(f"{what}: its process has closed its output")
        return self._error(f"{what}: its process ended (exit code {code}){self._last_words()}")

    def _error(self, what: str, line: int | None = None) -> ModelError:
        return ModelError(
            f"the rules of {self._path.name} failed: {what}",
            where=f"{self._path}:{line}" if line else str(self._path),
            next_command="correct the file, then run the same command again",
            reason_code="model_rules_failed",
        )

    def _last_words(self) -> str:
        for _ in range(_LONGEST_LINE // _PART):  # a process that it has started may never stop printing
            if not self._read_message():
                break
        lines = self._messages.decode("utf-8", "replace").split("\n")
        return next((f": {line.strip()[:200]}" for line in reversed(lines) if line.strip()), "")

    def _end(self) -> None:
        """With whatever it has started: by itself on Linux, elsewhere what is of its session."""
        if sys.platform == "linux":
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._in, self._out, self._err):
            pipe.close()

    def close(self) -> None:
        """End the process; its folder goes too."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(text: bytes, token: str) -> dict[str, Any] | None:
    """The line that the worker wrote; None where it is not its answer to the line with this token."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and line.get("token") == token else None


def _value(text: str) -> Any:
    """The value that is written as JSON, else its description; no task has such an answer."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the file may have lifted the limits of its own process
        return "<a value that cannot be read>"
    level = [value]
    for _ in range(_DEEPEST):
        level = [part for each in level for part in _parts(each)]
    return "<a value that is nested too deeply>" if level else value


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
