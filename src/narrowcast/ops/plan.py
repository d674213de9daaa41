"""What `narrowcast run` would do, and why, without doing it."""

from __future__ import annotations

from pydantic import BaseModel

from narrowcast.errors import NarrowcastError
from narrowcast.ops.run import planned_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage


class PlannedStep(BaseModel):
    """One stage of the plan."""

    stage: str
    runs: bool
    reason: str


def plan(project: Project, until: str | None = None) -> list[PlannedStep]:
    """Each stage in order; behind the first stale one, all run, because their inputs will change."""
    steps: list[PlannedStep] = []
    stale, runner = "", project.runner()
    for name, options in planned_options(project, until).items():
        if not stale:
            try:
                reason = runner.plan(stage(name), options).stale_because
            except NarrowcastError as error:
                reason = str(error)
            steps.append(PlannedStep(stage=name, runs=bool(reason), reason=reason or "up to date"))
            stale = name if reason else ""
        else:
            steps.append(PlannedStep(stage=name, runs=True, reason=f"{stale} runs first"))
    return steps
