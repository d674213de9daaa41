"""`narrowcast preflight`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.ops.requests import PreflightRequest

if TYPE_CHECKING:
    from narrowcast.ops.preflight import PreflightResult
    from narrowcast.training.preflight.result import TrainingPlan


@request_command
def preflight(request: PreflightRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Check a training run before it starts; train nothing.

    Checks everything that training needs, and forecasts its time and memory.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops import preflight as ops

    with open_project(project) as opened, terminal_work(as_json) as work:
        report = ops.preflight(opened, request, work)
    emit(report, as_json, lambda: render(report, _train_command()))
    if not report.ok:
        raise typer.Exit(1)


def _train_command() -> str:
    """`narrowcast train` with the options that were checked."""
    from narrowcast.cli.state import arguments

    words = list(arguments())
    words[words.index("preflight")] = "train"
    return f"narrowcast {shlex.join(words)}"


def render(found: PreflightResult, start: str) -> None:
    """Recipe, rows with their loss mask, forecast, then every problem with its fix; `start` trains."""
    from narrowcast.cli.output import next_step, say

    if found.plan is not None:
        _render_plan(found.plan)
    if found.forecast is not None:
        from narrowcast.training.preflight.expected import work_forecast

        disk = found.plan.disk_bytes if found.plan else None
        say(f"  forecast  {work_forecast(found.forecast, disk).sentence}")
    _render_findings(found)
    blockers = [each for each in found.findings if each.blocks]
    next_step(blockers[0].fix if blockers and not found.ok else start)


def _render_findings(found: PreflightResult) -> None:
    from rich.text import Text

    from narrowcast.cli.output import say, table

    if not found.findings:
        say("[green]no problems found[/]")
        return
    table(
        ["effect", "problem", "where", "fix", "code"],
        [
            [
                Text("stops" if each.blocks else "warns", style="bold red" if each.blocks else "yellow"),
                each.what,
                each.where,
                each.fix,
                each.reason_code,
            ]
            for each in found.findings
        ],
    )
    if found.ok and any(each.blocks for each in found.findings):
        say(f"[yellow]mode {found.mode}: training would start despite these[/]")


def _render_plan(plan: TrainingPlan) -> None:
    from rich.text import Text

    from narrowcast.cli.output import console, say, table

    size = f"[bold]{plan.base}[/], {plan.parameters / 1e6:,.1f} M parameters; " if plan.parameters else ""
    say(f"{size}nothing was trained")
    chosen = {**plan.recipe, **{name: plan.recipe.get(name, "") for name in plan.reasons}}
    table(
        ["option", "value", "reason"],
        [[name, _short(value), plan.reasons.get(name, "")] for name, value in chosen.items()],
    )
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in plan.ledger.rejected.items()) or "none"
    rows = f"  rows      {plan.ledger.rows_out:,} of {plan.ledger.rows_in:,}; left out: {rejected}"
    if not plan.steps:
        say(rows)
        return
    if not plan.tokens:  # a fine-tuned encoder: it reads rows, and no token carries loss
        say(rows)
        say(f"  steps     {plan.steps:,}")
        return
    say(f"{rows}; longest {plan.longest_row} tokens")
    say(f"  steps     {plan.steps:,}; tokens {plan.tokens:,}, of which {plan.loss_tokens:,} carry loss")
    for row in plan.rows:
        console.rule(
            f"{row.id}: {row.prompt_tokens} + {row.completion_tokens} tokens", align="left", style="dim"
        )
        console.print(Text(row.prompt, style="dim"), Text(row.completion, style="bold green"), sep="")
    console.rule("dim: context, no loss; green: learned", align="left", style="dim")


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
