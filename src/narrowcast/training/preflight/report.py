"""Preflight as a whole: examine, forecast, plan."""

from __future__ import annotations

from typing import Any

from narrowcast.core.stage import StageContext
from narrowcast.training.classifiers.setup import ClassifierSetup
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.options import Options
from narrowcast.training.preflight.examine import examine, examine_classifier
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.preflight.forecast import Forecast
from narrowcast.training.preflight.result import PreflightReport, RenderedRow, TrainingPlan
from narrowcast.training.preflight.room import disk_of_run
from narrowcast.training.setup import TrainingSetup

_SHOWN_ROWS = 3
_STATES = 7  # numbers kept of each weight of a tuned encoder: two checkpoints with AdamW's state, the weights
_NO_PROBE = ("training_memory_short", "training_device_missing")


def preflight_report(options: Options, ctx: StageContext) -> PreflightReport:
    """Look at everything a run needs, and try a few steps where no problem forbids it.

    Raises:
        CancelledError: on request.
        StageError: `training_oom` or `training_diverged`, from the steps that were tried.
    """
    if options.is_classifier:
        looked = examine_classifier(options, ctx)
        findings, forecast = list(looked.findings), None
        plan = _classifier_plan(looked.setup, options) if looked.setup else None
    else:
        examination = examine(options, ctx)
        findings, setup, forecast = list(examination.findings), examination.setup, None
        if setup is not None and options.probe_steps and not _forbids_probe(findings):
            setup, forecast = _forecast(setup, options, ctx, findings)
        plan = _plan(setup, options) if setup else None
    return _report(options, findings, plan, forecast)


def _report(
    options: Options, findings: list[PreflightFinding], plan: TrainingPlan | None, forecast: Forecast | None
) -> PreflightReport:
    blockers = sum(each.blocks for each in findings)
    report = PreflightReport(
        ok=plan is not None and (not blockers or options.preflight != "strict"),
        mode=options.preflight,
        findings=findings,
        plan=plan,
        forecast=forecast,
        summary=f"{blockers:,} problems, {len(findings) - blockers:,} warnings",
    )
    report.payload = report.model_dump(mode="json", include={"ok", "mode", "findings", "forecast"})
    return report


def _forbids_probe(findings: list[PreflightFinding]) -> bool:
    return any(each.reason_code in _NO_PROBE for each in findings)


def _forecast(
    setup: TrainingSetup, options: Options, ctx: StageContext, findings: list[PreflightFinding]
) -> tuple[TrainingSetup, Forecast]:
    from narrowcast.training.failures import training_failures
    from narrowcast.training.preflight.budget import fit_to_budget
    from narrowcast.training.preflight.expected import time_findings
    from narrowcast.training.preflight.probe import probe

    with training_failures(ctx.project.runs):
        setup, forecast = fit_to_budget(setup, probe(setup, options, ctx), options)
    findings += time_findings(forecast, options)
    return setup, forecast


def _plan(setup: TrainingSetup, options: Options) -> TrainingPlan:
    recipe = setup.recipe
    return TrainingPlan(
        base=setup.base.name,
        parameters=setup.base.parameters,
        recipe=recipe.model_dump(mode="json", exclude={"reasons"}),
        reasons=recipe.reasons,
        steps=setup.steps,
        tokens=setup.train.tokens * recipe.epochs,
        loss_tokens=setup.train.loss_tokens * recipe.epochs,
        longest_row=setup.train.longest,
        dev_rows=len(setup.dev.rows),
        disk_bytes=disk_of_run(setup, options),
        ledger=setup.train.ledger("train"),
        rows=[_rendered(row, setup.tokenizer) for row in setup.train.rows[:_SHOWN_ROWS]],
    )


def _classifier_plan(setup: ClassifierSetup, options: Options) -> TrainingPlan:
    recipe = setup.recipe(options)
    reasons = recipe.pop("reasons")
    base = setup.base()
    return TrainingPlan(
        base=base.name,
        parameters=base.parameters,
        recipe=recipe,
        reasons=reasons,
        steps=setup.steps,
        tokens=0,
        loss_tokens=0,
        longest_row=0,
        dev_rows=len(setup.dev),
        disk_bytes=_STATES * 4 * base.parameters if setup.tuning else 0,
        ledger=setup.ledger,
    )


def _rendered(row: TokenRow, tokenizer: Any) -> RenderedRow:
    return RenderedRow(
        id=row.example_id,
        prompt=tokenizer.decode(row.ids[: row.prompt_length]),
        completion=tokenizer.decode(row.ids[row.prompt_length :]),
        prompt_tokens=row.prompt_length,
        completion_tokens=row.loss_tokens,
    )
