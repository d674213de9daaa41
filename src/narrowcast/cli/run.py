"""`narrowcast run`: the whole loop on a project."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, ProjectOption
from narrowcast.cli.output import emit, say, table


def run(
    config: Annotated[
        str | None, typer.Argument(help="A narrowcast.yaml, a folder, a slug or a number.")
    ] = None,
    project: ProjectOption = None,
    until: Annotated[
        str | None, typer.Option(help="Stop after this stage (prepare, baseline, train, evaluate, export).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and why.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a project through the whole loop; stages whose inputs have not changed are skipped."""
    from narrowcast.cli.progress import working
    from narrowcast.cli.summary import show_summary
    from narrowcast.ops.run import run as run_pipeline
    from narrowcast.ops.summary import summarise

    opened = state.open_project(config or project)
    if dry_run:
        _show_plan(opened, until, as_json)
        return
    with working(as_json) as (progress, cancel):
        run_pipeline(opened, until=until, progress=progress, cancel=cancel)
    summary = summarise(opened)
    emit(summary, as_json, lambda: show_summary(summary))


def _show_plan(opened: object, until: str | None, as_json: bool) -> None:
    from narrowcast.ops.plan import plan
    from narrowcast.pipeline.project import Project

    assert isinstance(opened, Project)
    steps = plan(opened, until)

    def render() -> None:
        table(
            ["stage", "will run", "because"], [(s.stage, "yes" if s.runs else "no", s.reason) for s in steps]
        )
        say("[dim]nothing was run[/]")

    emit([step.model_dump() for step in steps], as_json, render)
