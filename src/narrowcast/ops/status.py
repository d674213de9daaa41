"""Where a project stands: what it has, what is stale, and what to do next."""

from __future__ import annotations

from pydantic import BaseModel

from narrowcast.experiments.resume import runs_to_resume
from narrowcast.ops.plan import PlannedStep, plan
from narrowcast.ops.summary import summarise
from narrowcast.pipeline.project import Project
from narrowcast.store.first_command import before_rows
from narrowcast.store.imports import read_records
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import load_record
from narrowcast.training.outputs.interrupted import InterruptedRun


class ProjectStatus(BaseModel):
    """What `narrowcast status` shows; reading it changes nothing.

    Attributes:
        running: training runs of living processes.
        interrupted: training runs that began and did not end.
        stages: each source and stage, and why it would run.
        next: the command to run now.
    """

    project: str
    path: str
    workspace: str
    task: str
    imports: int
    accepted_rows: int
    dataset_version: str
    current_run: str
    running: list[InterruptedRun]
    interrupted: list[InterruptedRun]
    stages: list[PlannedStep]
    next: str


def status(project: Project) -> ProjectStatus:
    """Read records and plan; no stage is run.

    Raises:
        UsageError: for wrong options of any stage.
    """
    config, paths = project.config, project.paths
    imports = read_records(paths)
    prepared, run = load_record(paths, "prepare"), current_run(paths)
    unfinished, steps = runs_to_resume(project), plan(project)
    return ProjectStatus(
        project=project.slug,
        path=str(paths.root),
        workspace=str(project.settings.home),
        task=config.task.profile if config.task else "",
        imports=len(imports),
        accepted_rows=sum(each.accepted for each in imports),
        dataset_version=str(prepared.result["version"]) if prepared else "",
        current_run=run.run_id if run else "",
        running=[each for each in unfinished if each.process],
        interrupted=[each for each in unfinished if not each.process],
        stages=steps,
        next=_next(project, steps, unfinished, empty=not imports and not config.sources),
    )


def _next(
    project: Project, steps: list[PlannedStep], unfinished: list[InterruptedRun], *, empty: bool
) -> str:
    process = next((each.process for each in unfinished if each.process), 0)
    if process:
        return f"narrowcast status, when process {process} has finished training"
    current = current_run(project.paths)
    if any(each.resumable and (not current or each.started >= current.finished) for each in unfinished):
        return "narrowcast train --resume"
    if empty:
        return before_rows(project.paths)
    first = next((each.command for each in steps if each.runs), "")
    return first or summarise(project).next[0]
