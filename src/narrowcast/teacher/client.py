"""The parent's side of `worker`: start it, hand it calls, hear its answers."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from narrowcast import errors
from narrowcast.core.progress import Progress
from narrowcast.core.work import Work
from narrowcast.errors import StageError
from narrowcast.plugins.optional import require
from narrowcast.teacher.budget import Caps
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.settings import Price, TeacherSettings
from narrowcast.teacher.store import Spent

_LOOK = 0.2  # seconds between two looks at the cancel token


@dataclass(frozen=True, slots=True)
class Terms:
    """What one run may spend, and how patiently it asks."""

    run: str
    """Names the spending of one generation."""
    caps: Caps
    """What the run may spend, over all its resumptions."""
    price: Price | None = None
    """Of the teacher's tokens."""
    attempts: int = 6
    """Tries of one call before the run ends."""
    concurrency: int = 4
    """Requests under way at a time."""
    timeout: float = 120.0
    """Seconds without a sign of life after which an attempt is given up."""


class TeacherClient:
    """One child process that asks the teacher; a context manager. For one thread.

    Leaving the block waits for the requests under way, whose answers are stored.

    Args:
        settings: where the teacher is.
        store: path of the store of paid answers.
        terms: of the run.
        work: its progress tells where an earlier run's requests are waited for; cancellation ends the wait.

    Attributes:
        tokens: spent so far.
        cost: spent so far; None without a price.
        exhausted: True where the caps left no room for a call.
        spent: the run's lines in the store.

    Raises:
        ProjectBusyError: if an earlier run's requests do not end.
        WorkspaceError: if the store is damaged.
    """

    def __init__(
        self, settings: TeacherSettings, store: Path, terms: Terms, work: Work | None = None
    ) -> None:
        require("httpx", purpose="asking a teacher")
        work = work or Work()
        self._concurrency, self._cancel = terms.concurrency, work.cancel
        self.tokens, self.exhausted, self.spent = 0, False, Spent()
        self.cost: float | None = None
        # Connecting, sending and receiving have the timeout each.
        patience = 2 * terms.timeout + 30
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        # In a session of its own, so that no signal to this process group cuts off what is paid.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "narrowcast.teacher.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._ids = count(1)
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="teacher", daemon=True)
        self._reader.start()
        setup = {
            "store": str(store),
            "run": terms.run,
            "url": settings.url,
            "model": settings.model,
            "key": settings.key.get_secret_value() if settings.key else None,
            "caps": {"tokens": terms.caps.tokens, "cost": terms.caps.cost},
            "price": terms.price.model_dump() if terms.price else None,
            "attempts": terms.attempts,
            "concurrency": terms.concurrency,
            "timeout": terms.timeout,
            "patience": patience,
        }
        try:
            self._write(setup)
            self._await_ready(work.progress, patience)
        except BaseException:
            self.close()
            raise

    def ask_all(self, calls: Iterable[Call], each: Callable[[Call, Answer], None]) -> None:
        """Ask every call once; `each` is called with every answer, in the order of arrival.

        Ends early, without an error, where the caps leave no room (`exhausted`).

        Raises:
            StageError: if the teacher refuses or cannot be reached; answers that came are stored.
            CancelledError: on request; requests under way are finished and stored.
        """
        waiting = iter({call.key: call for call in calls}.values())
        under_way: dict[int, Call] = {}
        while True:
            room = 0 if self.exhausted else self._concurrency * 2 - len(under_way)
            for call in islice(waiting, room):
                number = next(self._ids)
                under_way[number] = call
                self._write({"id": number, "call": call.to_dict()})
            if not under_way:
                return
            line = self._line()
            if line is not None:
                call = under_way.pop(line["id"])
                if line["answer"] is not None:
                    each(call, Answer(**line["answer"]))

    def _await_ready(self, progress: Progress, patience: float) -> None:
        noted = False
        while True:
            line = self._line()
            if line is not None and "ready" in line:
                return
            if line is not None and not noted:
                noted = True
                progress.note(
                    f"an earlier run was stopped with requests in flight: waiting for their answers, "
                    f"{patience:.0f} seconds at most"
                )

    def _line(self) -> dict[str, Any] | None:
        """The next line, its figures taken; None where none came for a while.

        Raises:
            NarrowcastError: what the child raised.
            CancelledError: on request.
        """
        self._cancel.check(reason_code="factory_cancelled")
        try:
            line = self._lines.get(timeout=_LOOK)
        except queue.Empty:
            return None
        if line is None:
            raise self._died()
        if "error" in line:
            kind: type[errors.NarrowcastError] = getattr(errors, line["kind"], StageError)
            raise kind(line["error"].pop("what"), **line["error"])
        if "spent" in line:
            self.tokens, self.cost, self.exhausted = line["tokens"], line["cost"], line["exhausted"]
            self.spent = Spent(**line["spent"])
        return line

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            if text.endswith("\n"):
                self._lines.put(json.loads(text))
        self._lines.put(None)

    def _write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._died() from error

    def _died(self) -> StageError:
        code = self._process.wait()
        self._messages.seek(0)
        lines = self._messages.read().decode("utf-8", "replace").split("\n")
        last = next((f": {line.strip()[:200]}" for line in reversed(lines) if line.strip()), "")
        return StageError(
            f"the process that asks the teacher ended (exit code {code}){last}",
            next_command="run the same command again; answers that arrived are stored and not paid again",
            reason_code="factory_caller_died",
        )

    def close(self) -> None:
        """Wait until the child has stored what is under way; it takes no more calls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it ended before
            self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._messages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
