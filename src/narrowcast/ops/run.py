"""The whole loop: sources, prepare, baselines, train, evaluate, export, and the exported files measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from narrowcast.core.stage import StageResult
from narrowcast.core.work import Work
from narrowcast.ops.imports import import_sources
from narrowcast.ops.plan import PlannedStep, plan, planned_options
from narrowcast.ops.requests import RunRequest
from narrowcast.ops.summary import Summary, summarise
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage


class RunResult(BaseModel):
    """What the loop did; of a dry run, what it would do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    plan: list[PlannedStep] = Field(default_factory=list)
    """Of a dry run: each source and stage, and why it would run."""
    stages: dict[str, SerializeAsAny[StageResult]] = Field(default_factory=dict)
    """Stage name to its result, from its record where nothing had changed."""
    summary: Summary | None = None
    """Every model that was measured, and what the numbers say; None of a dry run."""


def run(project: Project, request: RunRequest | None = None, work: Work | None = None) -> RunResult:
    """Take a project through every stage that is stale, in order.

    Raises:
        UsageError: for wrong options of any stage, all named before anything is run.
        NarrowcastError: whatever a stage raised.
    """
    request = request or RunRequest()
    if request.dry_run:
        return RunResult(dry_run=True, plan=plan(project, request))
    stages = [(stage(name), options) for name, options in planned_options(project, request.until).items()]
    with project.lock("run"):
        import_sources(project, work)
        results = project.runner(work).run_all(stages, resume=request.resume)
    return RunResult(stages=results, summary=summarise(project))
