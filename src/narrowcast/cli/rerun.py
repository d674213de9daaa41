"""`narrowcast rerun`."""

from __future__ import annotations

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.experiments.requests import RerunRequest


@request_command
def rerun(request: RerunRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Repeat a run from its manifest, and compare the weights.

    Exit code 1 if they differ.
    """
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.experiments import rerun as ops

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = ops.rerun(opened, request, work)

    def render() -> None:
        if result.identical:
            say(f"[bold]{result.run_id}[/] gives the same weights: sha256 {result.weights_sha256}")
        else:
            say(f"[bold]{result.run_id}[/] gives [red]different weights[/]; they are in {result.folder}")
            say(f"  then      {result.expected_sha256}")
            say(f"  now       {result.weights_sha256}")
        for line in result.changed:
            say(f"  changed   {line}")

    emit(result, as_json, render)
    if not result.identical:
        raise typer.Exit(1)
