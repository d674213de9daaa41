"""Paid answers on disk: `data/generated/calls.jsonl`, appended to and flushed, never rewritten.

Before a request leaves, a `sent` line is on the disk; when its answer came, an `answered` line is, before
anything uses it. A `sent` without an end is a request whose caller was killed: nobody can know whether it was
paid, so it counts against the cap with the most it can have cost, and is asked again.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from narrowcast.errors import ProjectBusyError, WorkspaceError
from narrowcast.store.files import disk_errors, json_line, read_jsonl
from narrowcast.teacher.call import Answer, Call


@dataclass(slots=True)
class Spent:
    """What a run has cost by its lines in the store; the caps are held against these numbers.

    Attributes:
        answered: answers paid for.
        lost: requests that may have been paid without an answer: cut off by a kill or a broken line.
        retried: attempts the endpoint rejected, which are not billed.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    answered: int = 0
    lost: int = 0
    lost_prompt_tokens: int = 0
    lost_completion_tokens: int = 0
    retried: int = 0

    @property
    def tokens(self) -> int:
        """Every token that was or may have been billed."""
        return (
            self.prompt_tokens
            + self.completion_tokens
            + self.lost_prompt_tokens
            + self.lost_completion_tokens
        )


CHECK = "check-"
"""Begins the name of a run that asks a model short questions before it is used."""


def answer_seconds(path: Path, model: str, most: int = 200) -> list[float]:
    """How long the last stored answers of a model took, checks apart; empty where there are none."""
    if not path.exists():
        return []
    taken: deque[float] = deque(maxlen=most)
    for line in read_jsonl(path):
        answered = line.get("event") == "answered" and line["request"].get("model") == model
        if answered and not line["run"].startswith(CHECK):
            taken.append(float(line["answer"]["seconds"]))
    return list(taken)


class CallStore:
    """Open for one process at a time, by a lock that ends with its holder; its methods may race in threads.

    Args:
        path: the file.
        run: names the spending of one generation.
        patience: seconds to wait for another process that holds the store.
        waiting: called at each look while waiting; what it raises ends the wait.

    Raises:
        ProjectBusyError: if another process still holds the store after that time.
        WorkspaceError: if the file is damaged, or the disk refuses.
    """

    def __init__(
        self, path: Path, run: str, *, patience: float = 0.0, waiting: Callable[[], None] | None = None
    ) -> None:
        self.path = path
        self._run = run
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self.spent = Spent()
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        try:
            self._hold(patience, waiting)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> CallStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def get(self, key: str) -> Answer | None:
        """The stored answer of a call."""
        return self._answers.get(key)

    def sent(self, call: Call, key: str, attempt: str) -> None:
        """Write down that a request is about to leave."""
        self._append(
            {
                "event": "sent",
                "run": self._run,
                "attempt": attempt,
                "key": key,
                "prompt_bound": call.prompt_bound,
                "completion_bound": call.completion_bound,
            }
        )

    def answered(self, call: Call, key: str, attempt: str, answer: Answer) -> None:
        """Write down an answer, with the question, so that the file explains itself."""
        line = {"event": "answered", "run": self._run, "attempt": attempt, "key": key, "sample": call.sample}
        stored = {name: value for name, value in asdict(answer).items() if name != "stored"}
        self._append({**line, "request": call.body(), "answer": stored})
        with self._lock:
            self._answers[key] = replace(answer, stored=True)
            self._count(answer)

    def record_failure(self, call: Call, key: str, attempt: str, why: str, *, billed: bool) -> None:
        """Write down an attempt without an answer; `billed` where it may have been paid all the same."""
        self._append(
            {
                "event": "failed",
                "run": self._run,
                "attempt": attempt,
                "key": key,
                "why": why,
                "maybe_billed": billed,
            }
        )
        with self._lock:
            if billed:
                self._lose(call.prompt_bound, call.completion_bound)
            else:
                self.spent.retried += 1

    def _hold(self, patience: float, waiting: Callable[[], None] | None) -> None:
        """Take the lock: nobody else's answer may come in after the file was read."""
        until = time.monotonic() + patience
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise ProjectBusyError(
                        "calls of an earlier run to the teacher are still in flight",
                        where=str(self.path),
                        next_command="run the same command again later; their answers are not paid again",
                    ) from error
            if waiting is not None:
                waiting()
            time.sleep(0.1)

    def _append(self, line: dict[str, Any]) -> None:
        with self._lock, disk_errors(self.path):
            self._file.write(json_line(line))
            self._file.flush()
            os.fsync(self._file.fileno())

    def _read(self) -> None:
        self._cut_torn_line()
        open_attempts: dict[str, dict[str, Any]] = {}
        try:
            for line in read_jsonl(self.path):
                self._take(line, open_attempts)
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"the store of paid answers is damaged: {error}",
                where=str(self.path),
                next_command="restore it from a backup, or move it away; its answers are then paid again",
            ) from error
        for line in open_attempts.values():
            self._lose(line["prompt_bound"], line["completion_bound"])

    def _take(self, line: dict[str, Any], open_attempts: dict[str, dict[str, Any]]) -> None:
        mine = line["run"] == self._run
        if line["event"] == "sent":
            if mine:
                open_attempts[line["attempt"]] = line
            return
        sent = open_attempts.pop(line["attempt"], None)
        if line["event"] == "answered":
            answer = Answer(**line["answer"], stored=True)
            self._answers[line["key"]] = answer
            if mine:
                self._count(answer)
        elif mine and line["maybe_billed"] and sent is not None:
            self._lose(sent["prompt_bound"], sent["completion_bound"])
        elif mine:
            self.spent.retried += 1

    def _count(self, answer: Answer) -> None:
        self.spent.answered += 1
        self.spent.prompt_tokens += answer.prompt_tokens
        self.spent.completion_tokens += answer.completion_tokens

    def _lose(self, prompt_bound: int, completion_bound: int) -> None:
        self.spent.lost += 1
        self.spent.lost_prompt_tokens += prompt_bound
        self.spent.lost_completion_tokens += completion_bound

    def _cut_torn_line(self) -> None:
        """A kill may have torn the last line; whatever is appended after it would be lost with it."""
        with disk_errors(self.path), self.path.open("r+b") as file:
            content_end = file.seek(0, os.SEEK_END)
            position = content_end
            while position > 0:
                start = max(0, position - 65_536)
                file.seek(start)
                newline = file.read(position - start).rfind(b"\n")
                if newline >= 0:
                    position = start + newline + 1
                    break
                position = start
            if position < content_end:
                file.truncate(position)
                os.fsync(file.fileno())
