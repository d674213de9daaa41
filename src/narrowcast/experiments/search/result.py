"""The result of a search: its trials, the best one, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.experiments.measured_run import MeasuredRun


class Trial(BaseModel):
    """One point of the space and its outcome."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    number: int
    state: Literal["complete", "pruned", "failed"]
    varied: dict[str, Any]
    """Option to value, those that the space varies."""
    options: dict[str, Any]
    """All training options that were given; `narrowcast train` with them is this run."""
    run_id: str
    made: bool = False
    """The study trained it, so its weights are the study's to remove."""
    run: MeasuredRun | None = None
    """Figures on dev rows; None where the trial was ended early or failed."""
    evaluations: list[float] = Field(default_factory=list)
    """Dev scores seen while it trained."""
    why: str = ""
    """The reason of `pruned` or `failed`."""
    latency_ms: float | None = None
    """Of an answer, the median over the trials of the same architecture."""
    front: bool = False
    """No other trial is at least as good in score, latency and size, and better in one."""


class SearchResult(BaseModel):
    """The study as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    study: str
    folder: str
    split: Literal["dev"] = "dev"
    """The rows trials were scored on; never test or golden ones."""
    trials: list[Trial]
    asked: int
    """Trials that were asked for."""
    stopped: Literal["", "timeout"] = ""
    """`timeout` where the time ended before the trials did."""
    metric: str = ""
    best: int | None = None
    """Number of the trial with the highest score; None where none finished."""
    beside: list[int] = Field(default_factory=list)
    """Numbers of the other trials whose interval holds the highest score."""
    front: list[int] = Field(default_factory=list)
    """Numbers of the trials of the Pareto front."""
    current_run: str | None = None
    """The run that `narrowcast eval` and `narrowcast export` now take."""
    dropped: list[str] = Field(default_factory=list)
    """Runs whose weights were removed, because they lost."""
    files: list[str] = Field(default_factory=list)
    """Pictures and table, relative to the project."""
    next: list[str] = Field(default_factory=list)
    """What to run next."""


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Finished trials, best score first; among equals the faster, then the smaller, then the earlier."""
    finished = [each for each in trials if each.run is not None]
    speeds = latencies(finished)

    def key(trial: Trial) -> tuple[float, float, int, int]:
        assert trial.run is not None
        return (-trial.run.score.value, speeds[trial.number], trial.run.size_bytes or 0, trial.number)

    return sorted(finished, key=key)


def beside_best(trials: Sequence[Trial]) -> list[int]:
    """Numbers of the finished trials, but for the best, whose interval holds the best score."""
    finished = [(each.number, each.run.score) for each in ranked(trials) if each.run is not None]
    return [number for number, score in finished[1:] if score.high >= finished[0][1].value]


def latencies(trials: Sequence[Trial]) -> dict[int, float]:
    """Milliseconds an answer, by trial: the median over the trials of the same base and size.

    These are one architecture, adapters being merged in; what differs between their clocks is noise.
    """
    groups: dict[tuple[str, int | None], list[float]] = {}
    runs = {each.number: each.run for each in trials if each.run is not None}
    for run in runs.values():
        groups.setdefault((run.base, run.size_bytes), []).append(run.latency_p50_ms)
    return {number: median(groups[run.base, run.size_bytes]) for number, run in runs.items()}


def pareto(trials: Sequence[Trial]) -> list[int]:
    """Numbers of the trials that no other one dominates in score (up), latency and size (down)."""
    speeds = latencies(trials)
    points = {
        each.number: (-each.run.score.value, speeds[each.number], each.run.size_bytes or 0)
        for each in trials
        if each.run is not None
    }

    def beaten(mine: tuple[float, float, int]) -> bool:
        return any(
            other != mine and other[0] <= mine[0] and other[1] <= mine[1] and other[2] <= mine[2]
            for other in points.values()
        )

    return [number for number, point in points.items() if not beaten(point)]
