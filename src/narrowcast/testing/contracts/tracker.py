"""The contract of a tracker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from narrowcast.core.settings import Settings
from narrowcast.training.tracking.base import TRACKERS, Begun, Outcome, Point, TrackedRun

_PASSWORD = re.compile(r"//[^/\s]*:[^/\s]*@")


class TrackerContract:
    """Fill in the name, and how what was tracked is read back."""

    name: ClassVar[str]
    """The registered name."""

    def read(self, run: TrackedRun, begun: Begun) -> Mapping[str, Mapping[int, float]]:
        """Figure to step to value, as the tracker keeps them; the final figures may be left out."""
        raise NotImplementedError

    def test_it_is_registered_and_usable(self, tmp_path: Path) -> None:
        """Nothing that it needs is missing, as `check` says."""
        TRACKERS.get(self.name)().check(self._settings(tmp_path))

    def test_every_figure_arrives(self, tmp_path: Path) -> None:
        """With its step; calls after `begin` come from another thread."""
        run = self._run(tmp_path)
        begun = self._track(run, _points(1, 5), "finished")
        assert begun.tracked_as, "a run has an id at its tracker"
        assert begun.where, "where the run is found is said"
        assert not _PASSWORD.search(begun.where), "the address holds a password"
        losses = dict(self.read(run, begun)["loss"])
        assert losses == {step: 1 / step for step in range(1, 6)}, f"kept: {losses}"

    def test_a_run_that_continues_stays_one_run(self, tmp_path: Path) -> None:
        """Under its id; `known` names the last step, so that no figure is sent twice."""
        run = self._run(tmp_path)
        begun = self._track(run, _points(1, 3), "cancelled")
        again = self._track(replace(run, tracked_as=begun.tracked_as), _points(4, 5), "finished")
        assert again.tracked_as == begun.tracked_as, "the run has another id"
        assert again.known.get("loss", 3) == 3, f"the last step is 3, known: {again.known}"
        losses = self.read(run, again)["loss"]
        assert sorted(losses) == [1, 2, 3, 4, 5], f"steps {sorted(losses)}"

    def test_every_outcome_can_be_reported(self, tmp_path: Path) -> None:
        """Also that of a run without a single step."""
        outcomes: tuple[Outcome, ...] = ("finished", "cancelled", "timeout", "failed")
        for number, outcome in enumerate(outcomes):
            folder = tmp_path / str(number)
            folder.mkdir()
            self._track(self._run(folder), [], outcome)

    def _track(self, run: TrackedRun, points: list[Point], outcome: Outcome) -> Begun:
        tracker = TRACKERS.get(self.name)()
        tracker.check(self._settings(run.home))
        begun = tracker.begin(run)
        with ThreadPoolExecutor(1) as thread:
            if points:
                thread.submit(tracker.log, points).result()
            thread.submit(tracker.end, outcome, {"dev_loss": 0.5}, {"weights_sha256": "0" * 64}).result()
        return begun

    def _settings(self, home: Path) -> Settings:
        return Settings(home=home, database_url="sqlite://", offline=True)

    def _run(self, folder: Path) -> TrackedRun:
        return TrackedRun(
            run_id="exp-0123456789",
            project="contract",
            folder=folder,
            home=folder,
            parameters={"learning_rate": "0.001"},
        )


def _points(first: int, last: int) -> list[Point]:
    time = 1_700_000_000_000
    return [Point(step, {"loss": 1 / step}, time + step) for step in range(first, last + 1)]
