"""The contract of a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from narrowcast.core.settings import Settings
from narrowcast.plugins.contract import class_with
from narrowcast.plugins.registry import Registry

Outcome = Literal["finished", "cancelled", "timeout", "failed"]


class Point(NamedTuple):
    """Figures of one step, with the time they were measured at (UTC, milliseconds since 1970)."""

    step: int
    figures: dict[str, float]
    time_ms: int


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What a tracker knows of a run.

    Attributes:
        run_id: `exp-…`.
        project: the project's name, under which the tracker groups runs.
        folder: of the run; a tracker that writes files of its own does so here.
        home: of the workspace, for stores that hold several projects.
        parameters: recipe, base and data-set version; no secret.
        tracked_as: the tracker's own id of this run where it continues, else None.
    """

    run_id: str
    project: str
    folder: Path
    home: Path
    parameters: dict[str, str]
    tracked_as: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What a tracker answers.

    Attributes:
        tracked_as: its own id of the run.
        where: address or folder, without credentials.
        known: figure name to the last step it has of it, where the run continues.
    """

    tracked_as: str
    where: str
    known: dict[str, int] = field(default_factory=dict)


class Tracker(Protocol):
    """Takes the figures of one run. Calls after `begin` come from a thread of their own, one at a time.

    Any exception counts as a failure of the tracker, never of the training.
    """

    def check(self, settings: Settings) -> None:
        """Refuse before anything is spent.

        Raises:
            NarrowcastError: library missing, no key, or another machine in offline mode.
        """

    def begin(self, run: TrackedRun) -> Begun:
        """Open the run, or continue with it."""
        ...

    def log(self, points: Sequence[Point]) -> None:
        """Take points; after an exception the same points come again."""

    def end(self, outcome: Outcome, figures: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Close the run with its final figures."""


TRACKERS: Registry[type[Tracker]] = Registry(
    "tracker",
    {
        "mlflow": "narrowcast.training.tracking.mlflow:MlflowTracker",
        "wandb": "narrowcast.training.tracking.wandb:WandbTracker",
    },
    class_with(Tracker),
)
