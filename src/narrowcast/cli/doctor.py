"""`narrowcast doctor`: what this machine has, and what it lacks."""

from __future__ import annotations

import typer
from rich.text import Text

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, request_command
from narrowcast.cli.output import emit, table
from narrowcast.ops.requests import DoctorRequest


@request_command
def doctor(request: DoctorRequest, as_json: JsonOption = False) -> None:
    """Check Python, optional packages, workspace, disk and memory."""
    from narrowcast.ops.doctor import examine

    findings = examine(state.settings(), request)
    colours = {"ok": "green", "missing": "yellow", "bad": "red"}

    def render() -> None:
        table(
            ["state", "check", "result", "next"],
            [
                (Text(each.state, style=colours[each.state]), each.what, each.found, each.fix)
                for each in findings
            ],
        )

    emit([each.model_dump() for each in findings], as_json, render)
    if any(each.state == "bad" for each in findings):
        raise typer.Exit(1)
