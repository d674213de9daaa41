"""`narrowcast init` and `narrowcast projects`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption
from narrowcast.cli.output import emit, next_step, say, table


def init(
    name: Annotated[
        str | None, typer.Argument(help="Name of the task; default the current folder's.")
    ] = None,
    path: Annotated[Path | None, typer.Option(help="Folder; default below the workspace.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a project: a folder for its data, models and records, and a line in the index."""
    from narrowcast.ops.project import Project

    project = Project.create(state.settings(), name or Path.cwd().name, path)
    value = {"id": project.id, "slug": project.slug, "path": str(project.paths.root)}

    def render() -> None:
        say(f"project [bold]{project.slug}[/] (number {project.id}) in {project.paths.root}")
        if name is None:
            say(f"[dim]assumed: its name, {project.slug}, from the current folder[/]")
        next_step("narrowcast data import --locator csv:PATH --auto")

    emit(value, as_json, render)


def projects(as_json: JsonOption = False) -> None:
    """List the projects of the workspace."""
    from narrowcast.ops.project import projects as list_projects

    entries = list_projects(state.settings())
    value = [
        {"id": each.id, "slug": each.slug, "path": str(each.path), "used_at": each.used_at}
        for each in entries
    ]

    def render() -> None:
        if not entries:
            say("no project yet")
            next_step("narrowcast init NAME")
            return
        table(
            [("#", "right"), "project", "last used (UTC)", "folder"],
            [(each.id, each.slug, each.used_at[:16].replace("T", " "), each.path) for each in entries],
        )

    emit(value, as_json, render)
