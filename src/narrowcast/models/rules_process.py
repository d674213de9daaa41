"""The parent's side of `rules_worker`: start it, ask it row by row, end it when a row takes too long."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from narrowcast.errors import ModelError
from narrowcast.models import rules_worker
from narrowcast.store.leftovers import scratch_folder

SECONDS_PER_ROW = 10.0
_SECONDS_TO_LOAD = 60.0
_GRACE = 2.0  # seconds after which the child ends itself, where nobody is left to end it


class RulesProcess:
    """One child process with one rules file; a context manager.

    It gets neither environment nor standard input of this process, and works in an empty folder. That keeps
    keys and row files out of its sight, not out of its reach: it is not a sandbox.

    Args:
        path: of the file, for errors.
        source: its text.

    Raises:
        ModelError: if the file raises, has no function `answer`, or does not load in time.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._open = ExitStack()
        folder = self._open.enter_context(scratch_folder("rules"))
        self._messages = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", rules_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            cwd=folder,
            env={"PYTHONHASHSEED": "0"},  # the order of a set must not change an answer
            start_new_session=True,
        )
        self._open.callback(self._end)
        self._rest = b""
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

        Raises:
            ModelError: if it raises, takes too long or ends the process; names the line and the row.
        """
        return self._ask({"inputs": dict(inputs)}, SECONDS_PER_ROW, f"row {row}" if row else "a row")[
            "answer"
        ]

    def _ask(self, line: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended; reading says so
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        text = self._line(seconds)
        if text is None:
            raise self._error(f"{what}: no answer within {seconds:g} seconds")
        if not text:
            code = self._process.wait()
            raise self._error(f"{what}: its process ended (exit code {code}){self._last_words()}")
        answer: dict[str, Any] = json.loads(text)
        if error := answer.get("error"):
            raise self._error(f"{what}: {error['what']}", error["line"])
        return answer

    def _line(self, seconds: float) -> bytes | None:
        """The next line; empty where the process has ended, None where none came in time."""
        assert self._process.stdout is not None
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, until - time.monotonic())):
                    return None
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    return b""
                self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _error(self, what: str, line: int | None = None) -> ModelError:
        return ModelError(
            f"the rules of {self._path.name} failed: {what}",
            where=f"{self._path}:{line}" if line else str(self._path),
            next_command="correct the file, then run the same command again",
            reason_code="model_rules_failed",
        )

    def _last_words(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().decode("utf-8", "replace").split("\n")
        return next((f": {line.strip()[:200]}" for line in reversed(lines) if line.strip()), "")

    def _end(self) -> None:
        """With whatever it has started, which is of its session."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
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
