"""The long phases of `prepare` say how far they are."""

from __future__ import annotations

import io
from itertools import count

import pytest
from rich.console import Console

from narrowcast.cli.progress import RichProgress
from narrowcast.core.example import Example
from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from tests.similarity.planted import questions

from .conftest import Commit

ROWS = 6_000
PHASES = ("finding near-duplicates", "finding edited copies")


class Counted(NullProgress):
    """Keeps the total of each phase and what it was advanced by."""

    def __init__(self) -> None:
        self.phases: dict[str, tuple[int | None, list[int]]] = {}

    def start(self, description: str, total: int | None = None) -> None:
        self.steps: list[int] = []
        self.phases[description] = total, self.steps

    def advance(self, units: int = 1, **fields: str | float) -> None:
        self.steps.append(units)


@pytest.fixture
def rows(commit: Commit) -> None:
    commit([Example({"text": text}, "xy"[n % 2], "first", n) for n, text in enumerate(questions(ROWS))])


@pytest.mark.usefixtures("rows")
def test_comparing_rows_counts_them(project: Project) -> None:
    counted = Counted()
    prepare(project, work=Work(counted))
    for phase in PHASES:
        total, steps = counted.phases[phase]
        assert total == ROWS
        assert sum(steps) == ROWS
        assert len(steps) >= 4
        assert all(step > 0 for step in steps)


@pytest.mark.usefixtures("rows")
def test_a_log_has_the_share_and_the_time_that_is_left(project: Project) -> None:
    log, clock = io.StringIO(), count(0, 31)  # half a minute passes between any two looks
    progress = RichProgress(Console(file=log, width=200, highlight=False), clock=lambda: float(next(clock)))
    prepare(project, work=Work(progress))
    for phase in PHASES:
        lines = [line for line in log.getvalue().splitlines() if line.startswith(f"{phase}: ")]
        assert any(f"of {ROWS:,} (" in line and line.endswith("left") for line in lines), lines
