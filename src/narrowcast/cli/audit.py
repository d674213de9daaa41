"""`narrowcast events` and `narrowcast audit verify`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.next_command import completed
from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.cli.output import emit, next_step, say, table
from narrowcast.errors import UsageError
from narrowcast.ops.requests import AcceptTrailRequest, EventsRequest
from narrowcast.reasons import REASONS

if TYPE_CHECKING:
    from narrowcast.audit.trail import Trail

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verify the audit trail.")

_COLOURS = {"info": "", "warning": "yellow", "error": "red", "critical": "bold red"}


@request_command
def events(
    request: EventsRequest,
    project: ProjectOption = None,
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
    with _trail(project, workspace=request.workspace) as trail:
        entries = trail.events(
            run=request.run,
            parent=request.parent,
            stage=request.stage,
            severity=request.severity,
            limit=request.limit,
        )

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
def verify(
    project: ProjectOption = None,
    workspace: Annotated[
        bool, typer.Option("--workspace", help="Verify the trail of the workspace.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify the hash chain and the files of the stages: detect changed and missing ones."""
    with _trail(project, workspace=workspace) as trail:
        report = trail.verify()

    def render() -> None:
        if report.intact:
            files = f", {report.files} files hold what their stages wrote" if report.files else ""
            say(f"[green]intact[/]: {report.events} events, each follows from the one before{files}")
            for note in report.notes:
                say(f"  [yellow]note[/] {note}")
            return
        say(f"[red]not intact[/]: {report.events} events in the trail, {report.spooled} in the spool")
        for problem in report.problems:
            say(f"  - {completed(problem)}")
        for note in report.notes:
            say(f"  [yellow]note[/] {note}")

    emit(report, as_json, render)
    if not report.intact:
        raise typer.Exit(3)


@app.command()
@request_command
def accept(request: AcceptTrailRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Accept the trail of an older copy."""
    from narrowcast.ops.trail import accept_trail

    with state.open_project(project) as opened:
        result = accept_trail(opened, request)

    def render() -> None:
        say(f"event {result.event} accepts the trail that ended at event {result.end}")
        say(f"the workspace had seen it up to event {result.passed_over}")
        next_step("narrowcast audit verify")

    emit(result, as_json, render)


@contextmanager
def _trail(project: str | None, *, workspace: bool) -> Iterator[Trail]:
    if not workspace:
        with state.open_project(project) as opened:
            yield opened.trail
        return
    from narrowcast.audit.workspace import workspace_trail

    yield workspace_trail(state.settings())
