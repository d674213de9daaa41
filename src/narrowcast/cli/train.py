"""`narrowcast train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.experiments.requests import SeedsRequest

if TYPE_CHECKING:
    from narrowcast.core.work import Work
    from narrowcast.pipeline.project import Project
    from narrowcast.stages.train import TrainResult


@request_command
def train(request: SeedsRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Train a model on the prepared rows: fine-tune a base, or fit a classifier."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.seeds import train_seeds
    from narrowcast.cli.state import open_project
    from narrowcast.ops import train as ops

    with open_project(project) as opened, terminal_work(as_json) as work:
        if request.dry_run:
            _preview(opened, request, work, as_json=as_json)
        elif request.seeds > 1:
            train_seeds(opened, request, work, as_json=as_json)
        else:
            result = ops.train(opened, request, work)
            if not opened.settings.process:  # of several processes that train together, the first one reports
                emit(result, as_json, lambda: _render(result))


def _preview(project: Project, request: SeedsRequest, work: Work, *, as_json: bool) -> None:
    """What preflight finds, recipe and rows; no event is recorded."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.preflight import render
    from narrowcast.experiments.resume import options_to_resume
    from narrowcast.ops.preflight import preflight
    from narrowcast.ops.requests import PreflightRequest

    options = request.options
    if request.resume:
        continued = options_to_resume(project, request, work)
        options = continued.model_dump(mode="json", include=continued.chosen)
    preflight_request = PreflightRequest(
        options=options,
        autopilot=request.autopilot and not request.resume,
        force=request.force,
        record=False,
    )
    report = preflight(project, preflight_request, work)
    if not project.settings.process:
        emit(report, as_json, lambda: render(report, "the same command without --dry-run"))
    if not report.ok:
        raise typer.Exit(1)  # as the run would end


def _render(result: TrainResult) -> None:
    from narrowcast.cli.output import next_step, say
    from narrowcast.core.run import run_title

    say(f"[bold]{result.run_id}[/]  {run_title(result.method, result.base)}")
    if result.drawn:
        say(f"  [yellow]quick run:[/] {result.drawn}")
    dev = "" if result.dev_loss is None else f", dev loss {result.dev_loss:.4f}"
    if result.final_train_loss is not None:
        say(f"  training loss {result.final_train_loss:.4f}{dev}")
    speed = f" at {result.tokens_per_second:,.0f} tokens/s" if result.tokens_per_second else ""
    say(f"  {result.seconds / 60:,.1f} minutes{speed}")
    if result.ledger is not None:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in result.ledger.rejected.items())
        say(
            f"  rows: {result.ledger.rows_in:,} in, {result.ledger.rows_out:,} trained on; "
            f"left out: {rejected or 'none'}"
        )
    if result.overfit:
        say("  overfitted: the dev loss rose after its best")
    if result.forgetting:
        say(
            f"  general text: {result.forgetting['all_before']:.2f} bits per byte before, "
            f"{result.forgetting['all_after']:.2f} after"
        )
    say(f"  weights: {result.path}{f'   trace: {result.trace}' if result.trace else ''}")
    for tracker, where in result.tracking.items():
        say(f"  {tracker}: {where}")
    next_step("narrowcast eval")
