"""The parent: keeps children busy, notices those that hang or die, and logs each outcome."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.fuzz.child import CPU_SECONDS
from tests.fuzz.kinds import make
from tests.fuzz.record import Input, Outcome

WALL_SECONDS = 300
"""Without an outcome; on a busy machine sixty seconds of the processor may take as long."""
_ROOT = Path(__file__).resolve().parents[2]


class Child:
    """One process that runs inputs, one at a time; started when it is first needed."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - lives as long as the child
        self.asked: dict[str, Any] | None = None
        self.since = 0.0

    def ask(self, asked: dict[str, Any]) -> None:
        """Hand over the next input."""
        if self._process is None:
            command = [sys.executable, "-m", "tests.fuzz.child", *self._arguments]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True,
                    cwd=_ROOT,
                start_new_session=True,
            )  # fmt: skip
        self.asked, self.since = asked, time.monotonic()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    @property
    def out(self) -> Any:
        """Where its outcomes come from."""
        assert self._process is not None
        return self._process.stdout

    def ended(self, *, overdue: bool) -> str:
        """End what is left of it, and say how it ended."""
        assert self._process is not None
        if not overdue:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)  # its pipe may close shortly before it ends
        self._kill()
        code = self._process.wait()
        self._process, self.asked = None, None
        self._said.seek(0)
        said = self._said.read()[-2000:].decode("utf-8", "replace")
        self._said.truncate(0)
        return f"{signal.Signals(-code).name if code < 0 else f'exit {code}'}: {said}"

    def stop(self) -> None:
        """Let it finish; it ends when its input does."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._kill()
                self._process.wait()

    def _kill(self) -> None:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it ended by itself, and so did its children


def drive(arguments: list[str], inputs: Iterable[dict[str, Any]], processes: int) -> Iterator[dict[str, Any]]:
    """Run inputs in child processes, and yield their outcomes as they come.

    Args:
        arguments: of `tests.fuzz.child`.
        inputs: what each child is asked.
        processes: how many run at a time.
    """
    waiting, selector = iter(inputs), selectors.DefaultSelector()
    children = [Child(arguments) for _ in range(processes)]
    busy = [child for child in children if _next(child, waiting, selector)]
    try:
        while busy:
            ready = [key.data for key, _ in selector.select(timeout=1)]
            for child in list(busy):
                overdue = time.monotonic() - child.since > WALL_SECONDS
                if child not in ready and not overdue:
                    continue
                yield _outcome(child, selector, overdue=overdue and child not in ready)
                if not _next(child, waiting, selector):
                    busy.remove(child)
    finally:
        for child in children:
            child.stop()


def _next(child: Child, waiting: Iterator[dict[str, Any]], selector: selectors.BaseSelector) -> bool:
    asked = next(waiting, None)
    if asked is None:
        return False
    child.ask(asked)
    if child.out not in {key.fileobj for key in selector.get_map().values()}:
        selector.register(child.out, selectors.EVENT_READ, child)
    return True


def _outcome(child: Child, selector: selectors.BaseSelector, *, overdue: bool) -> dict[str, Any]:
    asked, out = child.asked or {}, child.out
    line = "" if overdue else out.readline()
    if line:
        found: dict[str, Any] = json.loads(line)
        return found
    selector.unregister(out)
    how = child.ended(overdue=overdue)
    outcome = Outcome()
    if overdue:
        outcome.found("hang", f"no outcome within {WALL_SECONDS} seconds")
    elif how.startswith("SIGXCPU"):
        outcome.found("hang", f"over {CPU_SECONDS} seconds of the processor")
    else:
        outcome.found("died", how)
    return {**asked, "kind": "", **outcome.to_dict()}


def keep(found: dict[str, Any], folder: Path, seed: int, seeds: Path, only: str) -> None:
    """Write a failing input to a file that `--replay` takes."""
    if "number" in found:
        kind, given = make(seed, found["number"], seeds, only)
        found["kind"] = kind
        given.save(folder / f"{found['number']}.json", found)
    elif not found["kind"]:
        found["kind"] = Input.read(Path(found["file"])).kind
