"""`narrowcast events` and `narrowcast audit verify`."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, ProjectOption
from narrowcast.cli.output import emit, next_step, say, table
from narrowcast.errors import UsageError
from narrowcast.reasons import REASONS, Severity, StageName

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verify the audit trail.")

_COLOURS = {"info": "", "warning": "yellow", "error": "red", "critical": "bold red"}


def events(
    project: ProjectOption = None,
    stage: Annotated[
        StageName | None,
        typer.Option(metavar="TEXT", help=f"Only events of this stage.  [one of {', '.join(StageName)}]"),
    ] = None,
    severity: Annotated[
        Severity | None,
        typer.Option(metavar="TEXT", help=f"Only events of this severity.  [one of {', '.join(Severity)}]"),
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only events of this run, such as exp-1a2b3c4d5e.")
    ] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only events of runs that this run started.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="INTEGER", help="Show the newest N events.")] = 50,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Explain this reason code instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the events of a project, oldest first."""
    from rich.text import Text

    if explain is not None:
        _explain(explain, as_json)
        return
    opened = state.open_project(project)
    entries = opened.trail.events(run=run, parent=parent, stage=stage, severity=severity, limit=limit)

    def render() -> None:
        table(
            [("#", "right"), "time (UTC)", "stage", "code", "message"],
            [
                (
                    event.seq,
                    event.time[:19].replace("T", " "),
                    event.stage.value,
                    Text(event.reason_code or "", style=_COLOURS[event.severity.value]),
                    event.message,
                )
                for event in entries
            ],
        )

    emit([event.model_dump(mode="json") for event in entries], as_json, render)


def _explain(code: str, as_json: bool) -> None:
    reason = REASONS.get(code)
    if reason is None:
        near = get_close_matches(code, REASONS, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "docs/reason-codes.md lists all codes"
        raise UsageError(f"there is no reason code {code!r}", next_command=hint)

    def render() -> None:
        say(f"[bold]{code}[/]: {reason.meaning}")
        say(f"stage {reason.stage.value}, severity {reason.severity.value}")
        if reason.fix:
            next_step(reason.fix)

    emit({"code": code, **asdict(reason)}, as_json, render)


@app.callback()
def _group() -> None:
    """Verify the audit trail."""


@app.command()
def verify(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Verify the hash chain: detect changed and missing events."""
    opened = state.open_project(project)
    report = opened.trail.verify()

    def render() -> None:
        if report.intact:
            say(f"[green]intact[/]: {report.events} events, each follows from the one before")
            return
        say(f"[red]not intact[/]: {report.events} events in the trail, {report.spooled} in the spool")
        for problem in report.problems:
            say(f"  - {problem}")

    emit(report, as_json, render)
    if not report.intact:
        raise typer.Exit(3)
