"""`narrowcast rerun`."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption


def rerun(
    run: Annotated[str, typer.Argument(metavar="RUN", help="As `narrowcast runs` lists it.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat a run from its manifest and compare the weights; exit 1 where they differ."""
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.experiments import rerun as ops

    opened = open_project(project)
    with working(as_json) as (progress, cancel):
        found = ops.rerun(opened, run, progress=progress, cancel=cancel)

    def render() -> None:
        if found.identical:
            say(f"[bold]{found.run_id}[/] gives the same weights again: sha256 {found.weights_sha256}")
        else:
            say(f"[bold]{found.run_id}[/] gives [red]other weights[/]; they are in {found.folder}")
            say(f"  then      {found.expected_sha256}")
            say(f"  now       {found.weights_sha256}")
        for line in found.changed:
            say(f"  changed   {line}")

    emit(found, as_json, render)
    if not found.identical:
        raise typer.Exit(1)
