"""`narrowcast init` and `narrowcast projects`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, ProjectOption
from narrowcast.cli.output import emit, next_step, say, table

if TYPE_CHECKING:
    from narrowcast.factory.spec import SpecAnswers


def init(
    name: Annotated[
        str | None, typer.Argument(help="Name of the task; default the current folder's.")
    ] = None,
    path: Annotated[Path | None, typer.Option(help="Folder; default below the workspace.")] = None,
    goal: Annotated[str | None, typer.Option(help="What the model is for, in a sentence.")] = None,
    task: Annotated[
        str | None, typer.Option(help="Kind of task; otherwise the first import proposes it.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Labels of a classification, separated by commas.")
    ] = None,
    schema: Annotated[Path | None, typer.Option(help="JSON Schema of the answer, for extraction.")] = None,
    instruction: Annotated[
        str | None, typer.Option(help="System prompt of the model; default the task's own.")
    ] = None,
    inputs: Annotated[str | None, typer.Option(help="What comes in, and from whom.")] = None,
    failures: Annotated[str | None, typer.Option(help="Mistakes that are not acceptable.")] = None,
    metrics: Annotated[str | None, typer.Option(help="How success is measured.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Where the model will run.")] = None,
    latency: Annotated[str | None, typer.Option(help="What an answer may take and cost.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; assume what is not given.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a project with its task specification; asks on a terminal for what no option says."""
    from narrowcast.factory.spec import SpecAnswers, read_schema
    from narrowcast.pipeline.project import Project

    answers = SpecAnswers(
        goal=goal,
        task=task,
        labels=_split(labels),
        output_schema=read_schema(schema) if schema else {},
        instruction=instruction,
        inputs=inputs,
        failures=failures,
        metrics=metrics,
        deployment=deployment,
        latency=latency,
    )
    if sys.stdin.isatty() and sys.stdout.isatty() and not (as_json or yes):
        answers = _ask(answers)
    project = Project.create(state.settings(), name or Path.cwd().name, path, spec=answers)
    value = {
        "id": project.id,
        "slug": project.slug,
        "path": str(project.paths.root),
        "assumed": answers.assumed(),
    }

    def render() -> None:
        say(f"project [bold]{project.slug}[/] (number {project.id}) in {project.paths.root}")
        if name is None:
            say(f"[dim]assumed: its name, {project.slug}, from the current folder[/]")
        if answers.assumed():
            say(f"[dim]assumed: {', '.join(answers.assumed())}; see task.md and specs, marked (assumed)[/]")
        next_step("narrowcast data import --locator csv:PATH --auto")

    emit(value, as_json, render)


def _ask(answers: SpecAnswers) -> SpecAnswers:
    """Questions for what is not given; an empty answer leaves the assumption."""
    from narrowcast.core.task import TaskSpec
    from narrowcast.factory.spec import ASSUMPTIONS, SpecAnswers
    from narrowcast.tasks import HANDLERS, has_labels

    given = answers.model_dump()
    say("[dim]Enter leaves the assumption in brackets.[/]")
    for field, question in _QUESTIONS.items():
        if given[field] or (
            field == "labels" and given["task"] and not has_labels(TaskSpec(profile=given["task"]))
        ):
            continue
        if field in ("task", "labels") and given["output_schema"]:
            continue
        said = typer.prompt(f"{question} [{ASSUMPTIONS[field]}]", default="", show_default=False).strip()
        while field == "task" and said and said not in HANDLERS:
            said = typer.prompt(f"one of {', '.join(HANDLERS)}", default="", show_default=False).strip()
        given[field] = _split(said) if field == "labels" else said or None
    return SpecAnswers.model_validate(given)


_QUESTIONS = {
    "goal": "What is the model for?",
    "task": "Kind of task",
    "labels": "Labels, separated by commas",
    "inputs": "What comes in, and from whom?",
    "failures": "Which mistakes are not acceptable?",
    "deployment": "Where will it run?",
}


def _split(labels: str | None) -> list[str]:
    return [label.strip() for label in (labels or "").split(",") if label.strip()]


def projects(as_json: JsonOption = False) -> None:
    """List the projects of the workspace."""
    from narrowcast.pipeline.project import projects as list_projects

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


def migrate(
    project: ProjectOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a project that an older version wrote to today's format; nothing is lost."""
    from narrowcast.cli.progress import working
    from narrowcast.core.work import as_work
    from narrowcast.ops.migrate import MigrateRequest
    from narrowcast.ops.migrate import migrate as migrate_project
    from narrowcast.pipeline.project import Project

    opened = Project.open(state.settings(), project, any_format=True)
    with working(as_json) as (progress, cancel):
        result = migrate_project(opened, MigrateRequest(dry_run=dry_run), as_work(progress, cancel))

    def render() -> None:
        if not result.changes:
            say(f"[bold]{result.project}[/] has the current format, {result.to_format}")
            return
        verb = "would be migrated" if dry_run else "was migrated"
        say(f"[bold]{result.project}[/] {verb} from format {result.from_format} to {result.to_format}")
        for change in result.changes:
            say(f"  - {change}")

    emit(result, as_json, render)
