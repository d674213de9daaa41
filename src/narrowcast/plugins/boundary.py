"""Where third-party code is entered: named, given a time limit, and distinguished from ours when it fails."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from narrowcast.errors import NarrowcastError, PluginError
from narrowcast.faults import first_line, known, place_of, unexpected

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Importing a plug-in may pull in a large library, which takes a cold disk a while.
LOAD_SECONDS = 60.0

# A timer of zero seconds would be none.
_SHORTEST_TIMER = 1e-3

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plug-in comes from."""

    distribution: str
    version: str
    target: str
    """`module:attribute` of its entry point."""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


class _Overdue(BaseException):
    """The time limit; no `Exception`, so that a plug-in's own `except Exception` does not swallow it."""


# Top-level module → the plug-in that it belongs to, for every plug-in that was loaded in this process.
_loaded: dict[str, Origin] = {}


def origin_of(point: EntryPoint) -> Origin:
    """The distribution behind an entry point."""
    name, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "0")
    return Origin(name, version, point.value)


def load(point: EntryPoint, kind: str) -> Any:
    """Import what an entry point names.

    The time limit holds in the main thread alone, because only there can Python interrupt an import.

    Raises:
        PluginError: if the import fails or takes too long; it names the distribution.
    """
    origin = origin_of(point)
    _LOG.debug("loading the %s %s from %s (%s)", kind, point.name, origin, origin.target)
    _loaded[point.module.partition(".")[0]] = origin
    try:
        with _time_limit(LOAD_SECONDS):
            return point.load()
    except NarrowcastError:
        raise
    except _Overdue:
        raise _broken(origin, f"did not load within {LOAD_SECONDS:g} seconds") from None
    except (Exception, SystemExit) as error:  # a module may end the interpreter where its library is missing
        raise _broken(origin, f"cannot be loaded: {_short(error)}") from error


def plugin_error(error: BaseException) -> PluginError | None:
    """The error to show where a plug-in's code raised; None where the fault is ours.

    Of the frames that belong to narrowcast or to a plug-in, the innermost decides: a library that a plug-in
    calls is the plug-in's business.
    """
    plugin = None
    for frame, _ in walk_tb(error.__traceback__):
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if root in _loaded:
            plugin = _loaded[root]
        elif root == "narrowcast":
            plugin = None
    if plugin is None or isinstance(error, NarrowcastError):
        return None
    return _broken(plugin, f"failed: {_short(error)}", place_of(error))


def reported_error(error: BaseException) -> NarrowcastError:
    """What an interface reports of an exception, whatever it is."""
    return known_error(error) or unexpected(error)


def known_error(error: BaseException) -> NarrowcastError | None:
    """What a user sees of an exception: ours, the fault of a plug-in, or a known kind; None if unforeseen."""
    return plugin_error(error) or known(error)


def _broken(origin: Origin, what: str, where: str = "") -> PluginError:
    return PluginError(
        f"the plug-in {origin} {what}",
        where=where or origin.target,
        next_command=f"narrowcast plugins; repair it, or pip uninstall {origin.distribution}",
    )


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}" if str(error) else type(error).__name__


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `_Overdue` in the block after this many seconds, where this thread can be interrupted.

    There is one timer per process. Where a caller's timer runs already, it continues afterwards; it is
    left alone where it ends first.
    """
    free = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    theirs, interval = signal.getitimer(signal.ITIMER_REAL) if free else (0.0, 0.0)
    if not free or 0 < theirs <= seconds:
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise _Overdue

    before, began = signal.signal(signal.SIGALRM, stop), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs:
            left = theirs - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(left, _SHORTEST_TIMER), interval)
