"""`narrowcast run`: the whole loop on a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.ops.requests import RunRequest

if TYPE_CHECKING:
    from narrowcast.ops.run import RunResult


@request_command
def run(
    request: RunRequest,
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="PROJECT", help="The path of a narrowcast.yaml, or a project as for --project."
        ),
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline of a project; stages that are up to date are skipped.

    Exit code 3 if the model failed a release gate or lost to a baseline, and so was not exported.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.run import run as run_loop

    with open_project(config or project) as opened, terminal_work(as_json) as work:
        result = run_loop(opened, request, work)
    plain = result.summary or [step.model_dump() for step in result.plan]
    emit(plain, as_json, lambda: _render(result))
    if result.refused:
        raise typer.Exit(3)


def _render(result: RunResult) -> None:
    from narrowcast.cli.output import say, table
    from narrowcast.cli.summary import show_summary

    if result.summary is not None:
        show_summary(result.summary)
        if result.refused:
            say("[red]not exported[/]; narrowcast run --force exports it all the same")
        return
    rows = [(each.stage, "yes" if each.runs else "no", each.reason) for each in result.plan]
    table(["stage", "will run", "reason"], rows)
    say("[dim]nothing was run[/]")
