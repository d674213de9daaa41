"""The demo's loop: the pipeline of `narrowcast run`, one stage at a time, each said in plain words."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.metric import MetricValue
from narrowcast.core.work import Work
from narrowcast.demo.answers import ShownAnswer, shown_answers
from narrowcast.errors import StageError
from narrowcast.models.predictors.load import model_title
from narrowcast.ops.export import must_force
from narrowcast.ops.imports import import_sources, imports
from narrowcast.ops.preflight import preflight
from narrowcast.ops.requests import PreflightRequest
from narrowcast.ops.summary import Summary, summarise
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import PIPELINE, stage
from narrowcast.stages.train import STAGE as TRAIN
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import StageRecord, load_record
from narrowcast.training.preflight.expected import work_forecast

_MEGABYTE = 1e6
_LATER = "training_baseline_missing"  # baselines are measured after the forecast

TITLES = {
    "import": "Rows",
    "prepare": "Split",
    "preflight": "Forecast",
    "baseline": "Baselines",
    "train": "Train",
    "evaluate": "Measure",
    "export": "Export",
    "verify": "Files",
}


class Step(BaseModel):
    """One stage of the loop, finished."""

    name: str
    title: str
    lines: list[str] = Field(description="What happened, with its figures, for people.")
    seconds: float
    kept: bool = Field(description="It was up to date and not run again.")


class DemoResult(BaseModel):
    """What `narrowcast demo --json` prints."""

    project: str
    path: str
    seconds: float
    steps: list[Step]
    answers: list[ShownAnswer] = Field(description="Of the fine-tuned model: one right, one wrong.")
    summary: Summary


def run_demo(
    project: Project, work: Work | None = None, *, on_step: Callable[[Step], None] | None = None
) -> DemoResult:
    """Import, prepare, forecast, baselines, train, measure, export and prove, measure the exported files.

    Stages that are up to date are not run again, so an interrupted demo continues where it stopped.

    Args:
        project: from `open_demo`.
        work: bars within the steps, and how to stop.
        on_step: called with each step after it has ended.
    """
    work, began = work or Work(), time.monotonic()
    steps: list[Step] = []

    def finish(name: str, lines: list[str], since: float, *, kept: bool) -> None:
        seconds = time.monotonic() - since
        steps.append(Step(name=name, title=TITLES[name], lines=lines, seconds=seconds, kept=kept))
        if on_step is not None:
            on_step(steps[-1])

    started, known = time.monotonic(), imports(project)
    import_sources(project, work)
    finish("import", _imported(project), started, kept=imports(project) == known)
    answers: list[ShownAnswer] = []
    for name in PIPELINE:
        if name == "baseline" and _trains(project):
            started = time.monotonic()
            finish("preflight", _forecast(project, work), started, kept=False)
        started, before = time.monotonic(), _record(project, name)
        options = stage_options(project, stage(name))
        # The demo shows the whole loop, also if its model turns out not to be worth shipping.
        force = name == "export" and must_force(project)
        result: Any = project.runner(work).run(stage(name), options, force=force, resume=not force)
        if name == "evaluate":
            answers = shown_answers(project, result.results[0].predictions)
        finish(name, _WORDS[name](result), started, kept=_record(project, name) == before)
    return DemoResult(
        project=project.slug,
        path=str(project.paths.root),
        seconds=time.monotonic() - began,
        steps=steps,
        answers=answers,
        summary=summarise(project),
    )


def _trains(project: Project) -> bool:
    """Whether a model is yet to be trained: the first, or one of another base."""
    return bool(project.runner().plan(TRAIN, stage_options(project, TRAIN)).stale_because)


def _forecast(project: Project, work: Work) -> list[str]:
    """What training will take, before anything long begins.

    Raises:
        StageError: if training could not begin.
    """
    report = preflight(project, PreflightRequest(record=False), work)
    blockers = [each for each in report.findings if each.blocks and each.reason_code != _LATER]
    if blockers:
        raise StageError(
            blockers[0].what,
            where=blockers[0].where,
            next_command=blockers[0].fix,
            reason_code=blockers[0].reason_code,
        )
    if report.plan is None or report.forecast is None:
        return ["not known: no step was tried"]
    rows = f"{report.plan.parameters / 1e6:,.0f} M parameters, {report.plan.ledger.rows_out:,} rows"
    return [f"training on {rows}:", f"  {work_forecast(report.forecast, report.plan.disk_bytes).sentence}"]


def _record(project: Project, name: str) -> StageRecord | None:
    return current_run(project.paths) if stage(name).keep_each else load_record(project.paths, name)


def _imported(project: Project) -> list[str]:
    record = imports(project)[0]
    rejected = sum(record.rejected.values())
    return [f"{record.accepted:,} support messages to a fictitious shop, {rejected or 'none'} rejected"]


def _prepared(result: Any) -> list[str]:
    counts = "  ".join(f"{each.split} {each.rows:,}" for each in result.splits)
    groups = sum(each.groups for each in result.splits)
    leaks = result.leakage
    return [
        counts,
        f"{groups} situations, each in one split only; leakage: {leaks.exact_inputs_shared} exact, "
        f"{leaks.near_duplicates_shared} near-duplicates",
    ]


def _baselines(result: Any) -> list[str]:
    lines = [
        f"the baselines that a fine-tuned model has to beat, {_metric_name(result)} on {result.n} test rows:"
    ]
    return (
        lines
        + [f"  {model_title(each.model):<34}{_value(each.metrics[each.primary])}" for each in result.results]
        + [f"  {model_title(each.model):<34}not measured: {each.command}" for each in result.unmeasured]
    )


def _trained(result: Any) -> list[str]:
    ledger = result.ledger
    rows = f"{ledger.rows_out:,} rows" if ledger else "all rows"
    dev = f", dev loss {result.dev_loss:.3f}" if result.dev_loss is not None else ""
    how = "all weights" if result.method == "full" else "an adapter"
    figures = f"final loss {result.final_train_loss:.3f}{dev}, {result.tokens_per_second:,.0f} tokens/s"
    return [f"{how} on {rows}: {figures}", *([result.shortened] if result.shortened else [])]


def _measured(result: Any) -> list[str]:
    tuned = result.results[0]
    metrics = {
        "field_f1": "correct fields (F1)",
        "exact_match": "correct tickets",
        "schema_rate": "fits schema",
    }
    return [
        f"{label:<28}{_value(tuned.metrics[name])}"
        for name, label in metrics.items()
        if name in tuned.metrics
    ]


def _exported(result: Any) -> list[str]:
    sizes = "  ".join(f"{name} {size / _MEGABYTE:.0f} MB" for name, size in result.sizes.items())
    lines = [sizes]
    if result.parity is not None:
        proof = result.parity
        equal = "equal" if proof.prompt_ids_equal else "DIFFERENT"
        agree = "-" if proof.top1_agreement is None else f"{proof.top1_agreement:.1%}"
        lines.append(f"parity on {proof.rows} rows: {equal} prompts, {agree} of next tokens agree")
        lines += [f"  {each.format:<8}{_VERDICTS[each.verdict]}" for each in proof.formats]
    return lines


_VERDICTS = {
    "pass": "is the model that was measured",
    "fail": "is not the model that was measured",
    "not_enough_data": "is that model quantised; too few rows to show that its answers are as good",
}


def _files_measured(result: Any) -> list[str]:
    return [
        f"{each.model.argument:<28}{_value(each.metrics[each.primary])}"
        for each in result.results
        if each.model.is_file
    ]


def _metric_name(result: Any) -> str:
    return str(result.results[0].primary)


def _value(metric: MetricValue) -> str:
    return f"{metric.value:.3f}  [{metric.low:.3f}, {metric.high:.3f}]"


_WORDS: dict[str, Callable[[Any], list[str]]] = {
    "prepare": _prepared,
    "baseline": _baselines,
    "train": _trained,
    "evaluate": _measured,
    "export": _exported,
    "verify": _files_measured,
}
