"""Figures on their way to trackers: a thread each, so that no tracker ever holds up the training.

What a tracker does not take is kept and offered again, so an outage loses nothing. One that still refuses
when the run ends is a warning: an event, and a line in the result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.store.files import read_json, write_json
from narrowcast.training.outputs.trace import TraceLine
from narrowcast.training.tracking.address import scrubbed
from narrowcast.training.tracking.base import TRACKERS, Begun, Outcome, Point, TrackedRun, Tracker

_EVERY = 1.0  # seconds between two deliveries
_LONGEST_PAUSE = 60.0  # seconds, for a tracker that keeps failing
_LAST = 30.0  # seconds that the end of a run waits for a tracker


class Feed(threading.Thread):
    """The way to one tracker.

    Attributes:
        error: why the last delivery failed, "" where it succeeded.
        failed: deliveries that failed so far.
    """

    def __init__(self, name: str, tracker: Tracker, begun: Begun) -> None:
        super().__init__(name=f"track-{name}", daemon=True)
        self.tracker_name, self.begun = name, begun
        self.error, self.failed = "", 0
        self._tracker = tracker
        self._last = {"loss": 0, "dev_loss": 0, **begun.known}
        self._waiting: list[Point] = []
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._end: tuple[Outcome, Mapping[str, float], Mapping[str, str]] = ("failed", {}, {})

    def add(self, kind: str, point: Point) -> None:
        """Take a point, unless the tracker has that step already."""
        if point.step > self._last[kind]:
            self._last[kind] = point.step
            with self._lock:
                self._waiting.append(point)

    def close(self, outcome: Outcome, figures: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Deliver what is left and end the tracker's run; waits for it, but not forever."""
        self._end = (outcome, figures, tags)
        self._ending.set()
        self.join(_LAST)
        if self.is_alive():
            self.error, self.failed = f"did not take the last figures in {_LAST:.0f} s", self.failed + 1

    def run(self) -> None:
        """Deliver once a second, less often after failures."""
        while not self._ending.wait(min(_LONGEST_PAUSE, _EVERY * 2 ** min(self.failed, 6))):
            self._deliver()
        self._deliver(end=True)

    def _deliver(self, *, end: bool = False) -> None:
        with self._lock:
            points = list(self._waiting)
        try:
            if points:
                self._tracker.log(points)
                with self._lock:
                    del self._waiting[: len(points)]
            if end:
                self._tracker.end(*self._end)
        except Exception as error:  # noqa: BLE001 - a tracker's fault, whatever it is, is not the training's
            self.failed += 1
            lines = scrubbed(str(error)).splitlines() or [""]
            self.error = f"{type(error).__name__}: {lines[0]}"
        else:
            self.error = ""


class Tracking:
    """Every tracker of a run; none where nothing is tracked."""

    def __init__(self, ctx: StageContext) -> None:
        self._ctx = ctx
        self._feeds: list[Feed] = []
        self._reported: set[str] = set()
        self._before: TraceLine | None = None

    def begin(self, names: list[str], run: TrackedRun, *, resume: bool) -> None:
        """Open the run at each tracker, or continue with it.

        Raises:
            NarrowcastError: a tracker cannot be used; nothing was trained yet.
        """
        memory = run.folder / "tracking.json"
        known: dict[str, str] = read_json(memory) if resume and memory.exists() else {}
        for name in dict.fromkeys(names):
            tracker = TRACKERS.get(name)()
            tracker.check(self._ctx.settings)
            feed = Feed(name, tracker, _begun(name, tracker, run, known.get(name)))
            feed.start()
            self._feeds.append(feed)
            where = feed.begun.where
            self._ctx.progress.note(f"{name}: {where}")
            payload = {"tracker": name, "where": where, "tracked_as": feed.begun.tracked_as}
            self._ctx.emit("training_tracked", f"{run.run_id} is tracked by {name}", payload)
        if self._feeds:
            write_json(memory, known | {each.tracker_name: each.begun.tracked_as for each in self._feeds})

    def add(self, line: TraceLine) -> None:
        """Pass a line of the trace on, and tell of trackers that fail."""
        if not self._feeds:
            return
        kind = "dev_loss" if line.loss is None else "loss"
        point = Point(line.step, _figures(line, self._before), time.time_ns() // 1_000_000)
        if line.loss is not None:
            self._before = line
        for feed in self._feeds:
            feed.add(kind, point)
            self._tell(feed)

    def close(
        self,
        outcome: Outcome,
        figures: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """End the run at each tracker.

        Returns:
            Tracker to where the run is, or to `failed: ` and why.
        """
        outcomes = {}
        for feed in self._feeds:
            feed.close(outcome, figures or {}, tags or {})
            self._tell(feed)
            outcomes[feed.tracker_name] = f"failed: {feed.error}" if feed.error else feed.begun.where
        self._feeds = []
        return outcomes

    def _tell(self, feed: Feed) -> None:
        if feed.error and feed.tracker_name not in self._reported:
            self._reported.add(feed.tracker_name)
            message = f"{feed.tracker_name} does not accept figures ({feed.error}); training continues"
            self._ctx.progress.note(message)
            payload = {"tracker": feed.tracker_name, "error": feed.error}
            self._ctx.emit("training_tracker_failed", message, payload)


def _begun(name: str, tracker: Tracker, run: TrackedRun, tracked_as: str | None) -> Begun:
    from dataclasses import replace

    try:
        return tracker.begin(replace(run, tracked_as=tracked_as))
    except Exception as error:  # a library's own error, of any kind
        lines = scrubbed(str(error)).splitlines() or [""]
        raise StageError(
            f"{name} cannot be reached: {type(error).__name__}: {lines[0]}",
            next_command="the same command without --track, or start the tracker's server",
            reason_code="training_tracker_unusable",
        ) from error


def _figures(line: TraceLine, before: TraceLine | None) -> dict[str, float]:
    if line.loss is None:
        score = {} if line.dev_score is None else {"dev_score": line.dev_score}
        return {"dev_loss": line.dev_loss or 0.0, **score}
    tokens, seconds = (before.tokens, before.seconds) if before else (0, 0.0)
    spent = line.seconds - seconds
    values = {
        "loss": line.loss,
        "learning_rate": line.learning_rate,
        "grad_norm": line.grad_norm,
        "epoch": line.epoch,
        "tokens": float(line.tokens),
        "seconds": line.seconds,
        "tokens_per_second": (line.tokens - tokens) / spent if spent > 0 else None,
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def tracked_run(folder: Path, ctx: StageContext, parameters: Mapping[str, object]) -> TrackedRun:
    """What trackers know of the run; values become text, nested ones are left out."""
    plain = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in parameters.items()
        if not isinstance(value, dict)
    }
    return TrackedRun(
        run_id=ctx.run_id,
        project=ctx.project.root.name,
        folder=folder,
        home=ctx.settings.home,
        parameters=plain,
    )
