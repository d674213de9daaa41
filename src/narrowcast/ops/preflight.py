"""What a training run would meet, without running it: problems with their fixes, recipe, forecast, rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.work import Work
from narrowcast.experiments.autopilot import Choice, choose
from narrowcast.ops.requests import PreflightRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.training.preflight.finding import Finding
from narrowcast.training.preflight.forecast import Forecast

if TYPE_CHECKING:
    from narrowcast.core.stage import StageContext
    from narrowcast.training.data.rows import TokenRow
    from narrowcast.training.options import Options
    from narrowcast.training.setup import TrainingSetup

_SHOWN_ROWS = 3


class RenderedRow(BaseModel):
    """A training row as the model sees it; loss is on `completion` alone."""

    id: str
    prompt: str
    completion: str
    prompt_tokens: int
    completion_tokens: int


class TrainPlan(BaseModel):
    """What a run that could begin would do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    base: str
    parameters: int
    recipe: dict[str, Any]
    reasons: dict[str, str]
    """Option to the reason for its value."""
    steps: int
    """Optimizer steps of the whole run."""
    tokens: int
    """Of all epochs, padding not counted."""
    loss_tokens: int
    """Tokens that carry loss."""
    longest_row: int
    dev_rows: int
    ledger: StageLedger
    rows: list[RenderedRow] = Field(default_factory=list)


class Preflight(BaseModel):
    """Everything that preflight found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ok: bool
    """Whether the run may begin in its mode."""
    mode: str
    """strict, fail-open or off."""
    findings: list[Finding]
    plan: TrainPlan | None = None
    """None where base, template or rows cannot be used."""
    forecast: Forecast | None = None
    """From a few optimizer steps; None where none were tried."""
    autopilot: Choice | None = None
    """What it chose, and the bases it looked at; None where it was not asked."""


def preflight(
    project: Project, request: PreflightRequest | None = None, work: Work | None = None
) -> Preflight:
    """Look at everything a run needs, and try a few optimizer steps where nothing stands against them.

    Nothing is written but one event. The option `probe_steps=0` tries no step.

    Raises:
        CancelledError: on request.
        StageError: `training_oom`, or `training_diverged`, from the steps that were tried.
    """
    from narrowcast.core.stage import StageContext
    from narrowcast.stages.train import STAGE
    from narrowcast.training.preflight.examine import examine

    request, work = request or PreflightRequest(), work or Work()
    choice = choose(project, request.options) if request.autopilot else Choice()
    options = stage_options(project, STAGE, {**choice.options, **request.options})
    ctx = StageContext(
        project.paths,
        project.settings,
        progress=work.progress,
        cancel=work.cancel,
        force=request.force,
    )
    found = examine(options, ctx)
    findings, forecast = list(found.findings), None
    if found.setup is not None:
        short = any(each.reason_code == "training_memory_short" for each in findings)
        missing = any(each.reason_code == "training_device_missing" for each in findings)
        if options.probe_steps and not short and not missing:
            forecast = _forecast(found.setup, options, ctx, findings)
    work.progress.finish()
    blocked = any(each.blocks for each in findings)
    ok = found.setup is not None and (not blocked or options.preflight != "strict")
    report = Preflight(
        ok=ok,
        mode=options.preflight,
        findings=findings,
        plan=_plan(found.setup, choice) if found.setup else None,
        forecast=forecast,
        autopilot=choice if request.autopilot else None,
    )
    if request.record:
        _record(project, report)
    return report


def _forecast(setup: TrainingSetup, options: Options, ctx: StageContext, findings: list[Finding]) -> Forecast:
    from narrowcast.training.failures import training_failures
    from narrowcast.training.preflight.expected import time_findings
    from narrowcast.training.preflight.probe import probe

    with training_failures(ctx.project.runs):
        forecast = probe(setup, options, ctx)
    findings += time_findings(forecast, options)
    return forecast


def _record(project: Project, report: Preflight) -> None:
    blockers = sum(each.blocks for each in report.findings)
    project.trail.emit(
        StageName.TRAINING,
        "training_preflight",
        f"{blockers:,} problems, {len(report.findings) - blockers:,} warnings",
        payload=report.model_dump(mode="json", exclude={"plan"}),
    )


def _plan(setup: TrainingSetup, choice: Choice) -> TrainPlan:
    recipe = setup.recipe
    return TrainPlan(
        base=setup.base.name,
        parameters=setup.base.parameters,
        recipe={**choice.options, **recipe.model_dump(mode="json", exclude={"reasons"})},
        reasons={**choice.reasons, **recipe.reasons},
        steps=setup.steps,
        tokens=setup.train.tokens * recipe.epochs,
        loss_tokens=setup.train.loss_tokens * recipe.epochs,
        longest_row=setup.train.longest,
        dev_rows=len(setup.dev.rows),
        ledger=setup.train.ledger("train"),
        rows=[_rendered(row, setup.tokenizer) for row in setup.train.rows[:_SHOWN_ROWS]],
    )


def _rendered(row: TokenRow, tokenizer: Any) -> RenderedRow:
    return RenderedRow(
        id=row.example_id,
        prompt=tokenizer.decode(row.ids[: row.prompt_length]),
        completion=tokenizer.decode(row.ids[row.prompt_length :]),
        prompt_tokens=row.prompt_length,
        completion_tokens=row.loss_tokens,
    )
