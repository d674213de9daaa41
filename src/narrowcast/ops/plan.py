"""What `narrowcast run` would do, and why, without doing it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from narrowcast.core.stage import StageDefinition
from narrowcast.errors import NarrowcastError
from narrowcast.ops.imports import source_options, withdrawn
from narrowcast.ops.run import planned_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.stages.import_ import STAGE as IMPORT


class PlannedStep(BaseModel):
    """One stage of the plan, or one source."""

    stage: str
    runs: bool
    reason: str


def plan(project: Project, until: str | None = None) -> list[PlannedStep]:
    """Each source, then each stage in order; behind the first stale one all run, as their inputs change."""
    stages = planned_options(project, until)
    steps = [
        PlannedStep(stage=f"remove {each.id}", runs=True, reason=f"{each.locator} left narrowcast.yaml")
        for each in withdrawn(project)
    ]
    for source in source_options(project):
        name = f"import {source.model_dump()['locator']}"
        steps.append(_step(project, name, IMPORT, source))
    for name, options in stages.items():
        first = next((each.stage for each in steps if each.runs), "")
        if first:
            steps.append(PlannedStep(stage=name, runs=True, reason=f"{first} runs first"))
        else:
            steps.append(_step(project, name, stage(name), options))
    return steps


def _step(
    project: Project, name: str, definition: StageDefinition[Any, Any, Any], options: Any
) -> PlannedStep:
    try:
        reason = project.runner().plan(definition, options).stale_because
    except NarrowcastError as error:
        reason = str(error)
    return PlannedStep(stage=name, runs=bool(reason), reason=reason or "up to date")
