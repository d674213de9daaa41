"""Who works on a project: advisory locks that the kernel drops when their holder dies.

    registry/lock              shared by every command; alone by one that changes the whole project
    registry/locks/<concern>   alone by the command that changes it, shared by those that read it

Not filelock: its locks belong to a path, opened anew by each holder. Ours belong to an open file, which a
job's process inherits with the log it writes to, and `is_held` looks at one without taking it from anybody.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from narrowcast.core.concerns import WHOLE, Concern, Holds
from narrowcast.core.work import Work
from narrowcast.errors import ProjectBusyError

_PATIENCE = 5.0  # seconds in which another process sweeps, or looks whether a lock is held
_LOOK = 0.02
_WAIT = 0.5
_BASE = "lock"


class ProjectLocks:
    """The locks of one project as this process holds them, by thread.

    Args:
        registry: folder of the project's records.
        sweep: called while nobody else works on the project, before a command begins.
    """

    def __init__(self, registry: Path, sweep: Callable[[], object] | None = None) -> None:
        self._registry = registry
        self._sweep = sweep
        self._mine = threading.local()

    @property
    def _held(self) -> dict[str, bool]:
        """Name of each lock that this thread holds, and whether alone."""
        if not hasattr(self._mine, "held"):
            self._mine.held = {}
        held: dict[str, bool] = self._mine.held
        return held

    @property
    def holding(self) -> bool:
        """Whether this thread holds anything."""
        return bool(self._held)

    def missing(self, needed: Holds) -> Holds:
        """What of it this thread does not hold yet."""
        held = self._held
        if held.get(_BASE):
            return Holds()
        return Holds(
            frozenset(each for each in needed.alone if not held.get(each)),
            frozenset(each for each in needed.shared if each not in held),
            needed.whole,
        )

    @contextmanager
    def hold(self, command: str, needed: Holds = WHOLE, work: Work | None = None) -> Iterator[None]:
        """Hold what is needed for the length of the block, beside what this thread holds already.

        A command that begins fails where another has what it needs. One that holds something already waits
        for the rest: hours of work are not thrown away because somebody evaluates a model meanwhile.

        Raises:
            ProjectBusyError: if another process or thread has it; says which.
            CancelledError: on request, while it waits.
        """
        new, nested = self.missing(needed), bool(self._held)
        with ExitStack() as stack:
            if not nested:
                stack.enter_context(self._base(command, alone=new.whole))
            elif new.whole:
                raise self._busy()  # what it reads itself, it cannot change
            for concern in sorted(new.alone | new.shared):
                alone = concern in new.alone
                stack.enter_context(self._concern(concern, command, alone, work if nested else None))
            yield

    @contextmanager
    def _base(self, command: str, *, alone: bool) -> Iterator[None]:
        path = self._registry / _BASE
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            limit = time.monotonic() + _PATIENCE
            while not self._begin(file, command, alone=alone):
                # Whoever sweeps has it alone for a moment, and is not named.
                named = self._holders() if alone else is_held(path) and _holder(path)
                if named or time.monotonic() >= limit:
                    raise self._busy()
                time.sleep(_LOOK)
            self._held[_BASE] = alone
            try:
                yield
            finally:
                del self._held[_BASE]
                if alone:
                    _name(file, "")

    def _begin(self, file: IO[str], command: str, *, alone: bool) -> bool:
        """Take the lock of the project; whoever is alone for a moment sweeps."""
        if _try(file, alone=True):
            _name(file, command if alone else "")
            if self._sweep is not None:
                self._sweep()
            return alone or _try(file, alone=False)
        return not alone and _try(file, alone=False)

    @contextmanager
    def _concern(self, concern: Concern, command: str, alone: bool, work: Work | None) -> Iterator[None]:
        path = self._registry / "locks" / concern.value
        path.parent.mkdir(parents=True, exist_ok=True)
        before = self._held.get(concern)
        if before is not None:
            raise self._busy()  # it is read by this thread itself
        with path.open("a+") as file:
            if not take(file, alone=alone, seconds=_LOOK):
                self._wait(file, concern, alone, work)
            if alone:
                _name(file, command)
            self._held[concern] = alone
            try:
                yield
            finally:
                del self._held[concern]
                if alone:
                    _name(file, "")

    def _wait(self, file: IO[str], concern: Concern, alone: bool, work: Work | None) -> None:
        if work is None:
            if not take(file, alone=alone):
                raise self._busy()
            return
        work.progress.note(f"waiting for {self._holders() or 'another process'} ({concern.value})")
        while not _try(file, alone=alone):
            work.cancel.check()
            time.sleep(_WAIT)

    def _busy(self) -> ProjectBusyError:
        return ProjectBusyError(
            "another process works on this project",
            where=self._holders() or "its lock file names no process",
            next_command="wait until it has finished, then run the same command again",
        )

    def _holders(self) -> str:
        """The commands that hold something alone, as their lock files name them."""
        own = self._held
        paths = [self._registry / _BASE, *(self._registry / "locks" / each.value for each in Concern)]
        held = [path for path in paths if path.name not in own and is_held(path)]
        commands: dict[int, list[str]] = {}
        for name in filter(None, map(_read_name, held)):
            commands.setdefault(name["pid"], []).append(name["command"])
        return "; ".join(f"process {pid}: {', '.join(dict.fromkeys(of))}" for pid, of in commands.items())


@contextmanager
def project_lock(path: Path, command: str) -> Iterator[None]:
    """Hold a whole project for the length of the block.

    Args:
        path: `registry/lock` of the project.
        command: for the message that others get.

    Raises:
        ProjectBusyError: if another process works on it; says which.
    """
    with ProjectLocks(path.parent).hold(command):
        yield


def process_holding(registry: Path, concern: Concern) -> int:
    """The process that holds a concern alone, or the whole project; 0 where none does."""
    for path in (registry / "locks" / concern.value, registry / _BASE):
        if is_held(path) and (found := _read_name(path)):
            return int(found["pid"])
    return 0


def take(file: IO[str], seconds: float = 1.0, *, alone: bool = True) -> bool:
    """Take the lock of an open file, which `is_held` also holds for the moment in which it looks.

    Args:
        file: stays locked until it is closed or the process ends.
        seconds: for which a holder is waited for.
        alone: nobody else may hold it; otherwise others may share it.

    Returns:
        Whether it was taken.
    """
    limit = time.monotonic() + seconds
    while not _try(file, alone=alone):
        if time.monotonic() >= limit:
            return False
        time.sleep(_LOOK)
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the file's lock alone, as a job holds that of its log."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _try(file: IO[str], *, alone: bool) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name(file: IO[str], command: str) -> None:
    """Write into a lock file who holds it; "" for nobody."""
    file.seek(0)
    file.truncate()
    if command:
        file.write(json.dumps({"pid": os.getpid(), "command": command}))
    file.flush()


def _holder(path: Path) -> str:
    holder = _read_name(path)
    return f"process {holder['pid']}: {holder['command']}" if holder else ""


def _read_name(path: Path) -> dict[str, Any]:
    """What `_name` wrote; empty where nobody holds the lock, or is just taking it."""
    try:
        holder = json.loads(path.read_text())
        return {"pid": int(holder["pid"]), "command": str(holder["command"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
