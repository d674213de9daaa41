"""One training run: what it was made of, its results, what to do next."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.metric import MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest, is_run_id
from narrowcast.core.verdict import RunVerdict
from narrowcast.errors import ModelError
from narrowcast.models.loading import read_run_manifest
from narrowcast.ops.requests import RunViewRequest
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.store.datasets import load_manifest
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import load_record
from narrowcast.store.verdicts import read_verdict
from narrowcast.training.checks.overfitting import kept_losses, overfitting
from narrowcast.training.outputs.interrupted import interrupted_runs

# Stages whose last record may hold figures of the run.
_MEASURING = ("evaluate", "compare")


class Figure(BaseModel):
    """A measured figure of the run, and what it was compared with."""

    stage: str
    against: list[ModelRef]
    split: str
    n: int
    metric: str
    value: MetricValue
    report: str


class RunView(BaseModel):
    """What `narrowcast runs show` prints.

    Attributes:
        manifest: `run.json`.
        current: `narrowcast eval` and `narrowcast export` take this run where none is named.
        dataset_current: it was trained on the data-set version that is prepared now.
        overfitting: what the losses say; "" where they show none.
        figures: from the last evaluation or comparison that measured the run.
        verdict: what its last evaluation on test or golden rows said; None where there was none.
        files: weights, trace, loss curve; relative to the project.
        events: how many the trail has of the run, by reason code.
    """

    manifest: RunManifest
    current: bool
    dataset_current: bool
    overfitting: str
    figures: list[Figure]
    verdict: RunVerdict | None = None
    files: list[str]
    events: dict[str, int] = Field(default_factory=dict)
    next: str


def show_run(project: Project, request: RunViewRequest) -> RunView:
    """Read a finished run.

    Raises:
        ModelError: if there is no such run; says whether it was interrupted, or which ids are similar.
    """
    paths, run_id = project.paths, request.run
    gone = is_run_id(run_id) and paths.dropped_note(run_id).exists()  # reading it then says why
    if not is_run_id(run_id) or not (gone or (paths.adapters / run_id / "run.json").exists()):
        raise _unknown(paths, run_id)
    manifest = read_run_manifest(paths, run_id)
    trained, figures = current_run(paths), _figures(paths, run_id)
    verdict = read_verdict(paths, run_id)
    current = trained is not None and trained.run_id == run_id
    counts: dict[str, int] = {}
    for event in project.trail.events(run=run_id):
        code = event.reason_code or "none"
        counts[code] = counts.get(code, 0) + 1
    candidates = [
        paths.adapters / run_id,
        *(paths.runs / run_id / name for name in ("trace.csv", "loss.png")),
    ]
    return RunView(
        manifest=manifest,
        current=current,
        dataset_current=load_manifest(paths).version == manifest.dataset_version,
        overfitting=overfitting(kept_losses(manifest)),
        figures=figures,
        verdict=verdict,
        files=[paths.relative(path) for path in candidates if path.exists()],
        events=counts,
        next=_next(run_id, verdict, current=current),
    )


def _figures(paths: ProjectPaths, run_id: str) -> list[Figure]:
    found: list[Figure] = []
    for name in _MEASURING:
        record = load_record(paths, name)
        if record is None:
            continue
        result: Any = stage("evaluate").result.model_validate(record.result)
        found += [
            Figure(
                stage=name,
                against=[pair.against for pair in result.comparisons if pair.model == each.model],
                split=each.split.value,
                n=each.n,
                metric=each.primary,
                value=each.metrics[each.primary],
                report=result.report,
            )
            for each in result.results
            if each.model == ModelRef.of_run(run_id)
        ]
    return found


def _next(run_id: str, verdict: RunVerdict | None, *, current: bool) -> str:
    if verdict is None:
        return f"narrowcast eval run:{run_id}"
    if verdict.blocks or current:
        return verdict.conclusion.next[0]
    return f"narrowcast rerun {run_id}"


def _unknown(paths: ProjectPaths, run_id: str) -> ModelError:
    unfinished = next((each for each in interrupted_runs(paths) if each.run_id == run_id), None)
    if unfinished is not None:
        state = f"process {unfinished.process} trains it" if unfinished.process else "it was interrupted"
        return ModelError(
            f"run {run_id!r} has not finished: {state}; checkpoint at step {unfinished.step or 'none'}",
            where=str(paths.runs / run_id),
            next_command="narrowcast runs",
            reason_code="model_adapter_missing",
        )
    known = sorted(path.parent.name for path in paths.adapters.glob("*/run.json"))
    return ModelError(
        f"there is no run {run_id!r}",
        where=", ".join(known[-5:]) or "no run has finished",
        next_command="narrowcast runs",
        reason_code="model_adapter_missing",
    )
