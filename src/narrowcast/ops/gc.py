"""What the runs of a project occupy on the disk, and freeing what nothing needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from narrowcast.core.concerns import Concern, holds
from narrowcast.experiments.resume import runs_to_resume
from narrowcast.ops.requests import GcRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.runs import current_run, discard_unfinished, finished_runs
from narrowcast.training.outputs.interrupted import InterruptedRun

_INTERRUPTED = "interrupted run"


class Holding(BaseModel):
    """A folder of one run."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    what: str
    path: str
    """Relative to the project."""
    size_bytes: int
    removable: bool
    """Whether this request frees it."""
    reason: str


class GcResult(BaseModel):
    """What is held, the largest in front, and how much of it was freed, or would be."""

    dry_run: bool
    holdings: list[Holding]
    freed_bytes: int


def gc(project: Project, request: GcRequest) -> GcResult:
    """Remove checkpoints of finished runs, what runs without a whole checkpoint left, and merged weights.

    Weights of finished runs and exported bundles are counted, and never removed. With `interrupted`, every
    interrupted run is discarded.

    Raises:
        ProjectBusyError: if another process works on the project.
    """
    if request.dry_run:
        return _result(request, list(_holdings(project, request)))
    with project.lock("gc", holds(Concern.TRAINING, Concern.MEASURE, Concern.EXPORT)):
        holdings = list(_holdings(project, request))
        removable = [each for each in holdings if each.removable]
        for each in removable:
            if each.what == _INTERRUPTED:
                discard_unfinished(project.paths, each.run_id)
            else:
                shutil.rmtree(project.paths.root / each.path)
        if removable:
            result = _result(request, holdings)
            payload = {"removed": [each.path for each in removable], "bytes": result.freed_bytes}
            message = f"{len(removable)} folders of runs were removed, {result.freed_bytes / 1e6:,.1f} MB"
            project.trail.emit(StageName.SYSTEM, "project_space_freed", message, payload=payload)
    return _result(request, holdings)


def _result(request: GcRequest, holdings: list[Holding]) -> GcResult:
    return GcResult(
        dry_run=request.dry_run,
        holdings=sorted(holdings, key=lambda each: each.size_bytes, reverse=True),
        freed_bytes=sum(each.size_bytes for each in holdings if each.removable),
    )


def _why(run: InterruptedRun, *, free: bool) -> str:
    if run.process:
        return f"process {run.process} trains it"
    return (
        f"it cannot be resumed: {run.obstacle}"
        if run.obstacle
        else ("asked for, although it could be resumed" if free else "it can be resumed")
    )


def _holdings(project: Project, request: GcRequest) -> Iterator[Holding]:
    paths = project.paths
    current, finished = current_run(paths), {each.run_id for each in finished_runs(paths)}

    def holding(what: str, run_id: str, folder: Path, reason: str, *, removable: bool = False) -> Holding:
        size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        path = paths.relative(folder)
        return Holding(
            run_id=run_id, what=what, path=path, size_bytes=size, removable=removable, reason=reason
        )

    runs = {each.run_id: each for each in runs_to_resume(project)}
    for run in runs.values():
        free = not run.process and (request.interrupted or not run.step)
        yield holding(_INTERRUPTED, run.run_id, paths.runs / run.run_id, _why(run, free=free), removable=free)
    for folder in sorted(paths.runs.glob("*/checkpoints")):
        run_id = folder.parent.name
        if run_id in runs:
            continue
        resumable = run_id not in finished  # of a search, whose trials leave no note
        reason = "the search continues from them" if resumable else "the run has finished"
        free = request.interrupted or not resumable
        yield holding("checkpoints", run_id, folder, reason, removable=free)
    for folder in sorted(paths.merged.glob("*/")):
        used = current is not None and folder.name == current.run_id
        reason = "of the current run" if used else "narrowcast export makes them again"
        yield holding("merged weights", folder.name, folder, reason, removable=not used)
    for what, place in (("weights", paths.adapters), ("bundle", paths.gguf)):
        for folder in sorted(place.glob("*/")):
            yield holding(what, folder.name, folder, "a result")
