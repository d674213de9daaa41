"""What came of a search: its trials, the best one, and those that no other beats in everything."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, Field

from narrowcast.experiments.measured_run import MeasuredRun


class Trial(BaseModel):
    """One point of the space and what came of it.

    Attributes:
        varied: option to value, those that the space varies.
        options: all training options that were given; `narrowcast train` with them is this run.
        made: the study trained it, so its weights are the study's to remove.
        run: figures on dev rows; None where the trial was ended early or failed.
        evaluations: dev scores seen while it trained.
        why: what stands behind `pruned` or `failed`.
        latency_ms: of an answer, the median over the trials of the same architecture.
        front: no other trial is at least as good in score, latency and size, and better in one.
    """

    number: int
    state: Literal["complete", "pruned", "failed"]
    varied: dict[str, Any]
    options: dict[str, Any]
    run_id: str
    made: bool = False
    run: MeasuredRun | None = None
    evaluations: list[float] = Field(default_factory=list)
    why: str = ""
    latency_ms: float | None = None
    front: bool = False


class Search(BaseModel):
    """The study as it stands.

    Attributes:
        split: the rows trials were scored on; never test or golden ones.
        stopped: "timeout" where the time ended before the trials did.
        best: number of the trial with the highest score; None where none finished.
        front: numbers of the trials of the Pareto front.
        current_run: the run that `narrowcast eval` and `narrowcast export` now take.
        dropped: runs whose weights were removed, because they lost.
        files: pictures and table, relative to the project.
        next: what to run next.
    """

    study: str
    folder: str
    split: Literal["dev"] = "dev"
    trials: list[Trial]
    asked: int
    stopped: Literal["", "timeout"] = ""
    metric: str = ""
    best: int | None = None
    front: list[int] = Field(default_factory=list)
    current_run: str | None = None
    dropped: list[str] = Field(default_factory=list)
    files: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Finished trials, best score first; among equals the faster, then the smaller, then the earlier."""
    finished = [each for each in trials if each.run is not None]
    speeds = latencies(finished)

    def key(trial: Trial) -> tuple[float, float, int, int]:
        assert trial.run is not None
        return (-trial.run.score.value, speeds[trial.number], trial.run.size_bytes or 0, trial.number)

    return sorted(finished, key=key)


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
