"""`narrowcast train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, stage_options
from narrowcast.cli.preflight import AutopilotOption, render

if TYPE_CHECKING:
    from narrowcast.stages.train import Result


@stage_options("narrowcast.training.options:Options")
def train(
    overrides: dict[str, Any],
    project: ProjectOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of an interrupted run.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train without a baseline, and start over where a run exists.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what preflight finds, recipe and rows; train nothing.")
    ] = False,
    autopilot: AutopilotOption = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="Train under so many seeds; mean and spread on dev rows.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a base model on the prepared rows."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.ops import train as ops
    from narrowcast.ops.preflight import preflight

    opened = open_project(project)
    if seeds > 1 and not dry_run:
        from narrowcast.cli.seeds import train_seeds

        train_seeds(opened, overrides, seeds, autopilot=autopilot, force=force, as_json=as_json)
        return
    with working(as_json) as (progress, cancel):
        if dry_run:
            shown = preflight(
                opened,
                overrides,
                force=force,
                autopilot=autopilot,
                record=False,
                progress=progress,
                cancel=cancel,
            )
        else:
            result = ops.train(
                opened,
                overrides,
                autopilot=autopilot,
                resume=resume,
                force=force,
                progress=progress,
                cancel=cancel,
            )
    if opened.settings.process:
        return  # of several processes that train together, the first one reports
    if dry_run:
        emit(shown, as_json, lambda: render(shown))
    else:
        emit(result, as_json, lambda: _render(result))


def _render(result: Result) -> None:
    from narrowcast.cli.output import next_step, say

    say(f"[bold]{result.run_id}[/]  {result.method} fine-tune of {result.base}")
    dev = "" if result.dev_loss is None else f", dev loss {result.dev_loss:.4f}"
    say(f"  training loss {result.final_train_loss:.4f}{dev}")
    say(f"  {result.seconds / 60:,.1f} minutes at {result.tokens_per_second:,.0f} tokens/s")
    if result.ledger is not None:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in result.ledger.rejected.items())
        say(
            f"  rows: {result.ledger.rows_in:,} in, {result.ledger.rows_out:,} trained on; "
            f"left out: {rejected or 'none'}"
        )
    if result.overfit:
        say("  over-fitted: the dev loss rose behind its best")
    if result.forgetting:
        say(
            f"  general text: {result.forgetting['all_before']:.2f} bits per byte before, "
            f"{result.forgetting['all_after']:.2f} after"
        )
    say(f"  weights: {result.path}   trace: {result.trace}")
    for tracker, where in result.tracking.items():
        say(f"  {tracker}: {where}")
    next_step("narrowcast eval")
