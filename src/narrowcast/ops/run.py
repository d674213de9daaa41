"""The whole loop: sources, prepare, baselines, train, evaluate, export, and the exported files measured."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from narrowcast.core.concerns import PREPARATION, Concern, holds
from narrowcast.core.stage import StageOptions, StageResult
from narrowcast.core.work import Work
from narrowcast.experiments.autopilot import with_choice
from narrowcast.experiments.requests import OneClickRequest
from narrowcast.experiments.tournament.record import is_open
from narrowcast.experiments.tournament.result import Tournament
from narrowcast.experiments.tournament.run import tournament
from narrowcast.ops.export import model_refused, must_force
from narrowcast.ops.imports import import_sources, require_rows
from narrowcast.ops.plan import PlannedStep, limits_of, plan, planned_options
from narrowcast.ops.requests import RunRequest
from narrowcast.ops.summary import Summary, summarise
from narrowcast.ops.train import train
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.pipeline.runner import Runner
from narrowcast.stages import stage
from narrowcast.stages.train.contract import TrainResult


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
    refused: bool = False
    """The model failed a gate or lost to a baseline, so it was not exported."""


Planned = dict[str, StageOptions]
Results = dict[str, StageResult]
Choose = Callable[[Runner, Planned, Results], Tournament | None]
"""Called with the plan and what was prepared; settles what is trained, in the plan or by itself."""

_PREPARING = ("prepare",)
_SHIPPING = ("export", "verify")


def run(project: Project, request: RunRequest | None = None, work: Work | None = None) -> RunResult:
    """Take a project through every stage that is stale, in order.

    Raises:
        UsageError: for wrong options of any stage, all named before anything is run.
        NarrowcastError: whatever a stage raised.
    """
    request = request or RunRequest()
    if request.dry_run:
        steps = plan(project, request)
        require_rows(project)
        return RunResult(dry_run=True, plan=steps)

    def choose(runner: Runner, planned: Planned, prepared: Results) -> Tournament | None:
        return _tournament(project, runner, planned, prepared, request, work)

    return _loop(project, request, choose, work)


def train_to_bundle(project: Project, request: OneClickRequest, work: Work | None = None) -> RunResult:
    """Prepare, measure the baselines, train as the request says, measure, export and prove.

    Raises:
        UsageError: for wrong options of any stage.
        NarrowcastError: whatever a stage raised.
    """

    def choose(_runner: Runner, planned: Planned, _prepared: Results) -> None:
        chosen = with_choice(project, request)  # the autopilot looks at the prepared rows
        planned["train"] = stage_options(project, stage("train"), chosen.options)

    return _loop(project, RunRequest(force=request.force), choose, work)


def train_or_all(
    project: Project, request: OneClickRequest | None = None, work: Work | None = None
) -> TrainResult | RunResult:
    """Train; with `one_click`, go from the imported rows to a proven bundle.

    Raises:
        NarrowcastError: whatever a stage raised.
    """
    request = request or OneClickRequest()
    return train_to_bundle(project, request, work) if request.one_click else train(project, request, work)


def _loop(project: Project, request: RunRequest, choose: Choose, work: Work | None) -> RunResult:
    planned = planned_options(project, request.until, request.rows)
    shipping = {name: planned.pop(name) for name in _SHIPPING if name in planned}
    runner = project.runner(work)
    with project.lock("run", holds(Concern.TRAINING)):
        with project.lock("run", PREPARATION):
            import_sources(project, work)
            prepared = _run_some(runner, planned, _PREPARING, request)
        with project.lock("run", holds(reads=(Concern.VERSION,)), work):
            held = choose(runner, planned, prepared)
            results = prepared | _run_some(runner, planned, tuple(planned), request)
            refused = not request.force and model_refused(project)
            for name, options in ({} if refused else shipping).items():
                force = name == "export" and must_force(project)
                results[name] = runner.run(stage(name), options, force=force)
    summary = summarise(project).model_copy(update={"tournament": held})
    return RunResult(stages=results, summary=summary, refused=refused and bool(shipping))


def _tournament(
    project: Project,
    runner: Runner,
    planned: Planned,
    results: Results,
    request: RunRequest,
    work: Work | None,
) -> Tournament | None:
    """Train the entrants in place of the one model of the plan, where there is a choice."""
    if "train" not in planned or not (request.only or is_open(project)):
        return None
    results |= _run_some(runner, planned, ("baseline",), request)
    overrides = {"rows": request.rows} if request.rows else {}
    held = tournament(project, limits_of(request), overrides, work)
    planned.pop("train")
    return held


def _run_some(runner: Runner, planned: Planned, names: tuple[str, ...], request: RunRequest) -> Results:
    """Run those of the planned stages that are named, which are taken out of the plan."""
    chosen = [(stage(name), planned.pop(name)) for name in list(planned) if name in names]
    return runner.run_all(chosen, resume=request.resume)
