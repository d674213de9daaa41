"""`narrowcast init` and `narrowcast projects`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.cli.output import command, emit, next_step, say, table
from narrowcast.cli.state import settings
from narrowcast.ops.requests import InitRequest, MigrateRequest

if TYPE_CHECKING:
    from narrowcast.ops.projects import ListedProject
    from narrowcast.ops.status import ProjectStatus


@request_command
def init(
    request: InitRequest,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; use assumptions for what is not given.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Create a project with its task specification.

    On a terminal, asks for what is not given as an option.
    """
    from narrowcast.ops.projects import create_project

    if sys.stdin.isatty() and sys.stdout.isatty() and not (as_json or yes):
        request = _ask(request)
    created = create_project(settings(), request)
    state.work_on(created.slug)

    def render() -> None:
        say(f"project [bold]{created.slug}[/] (number {created.id}) in {created.path}")
        if request.name is None:
            say(f"[dim]assumed: its name, {created.slug}, from the current folder[/]")
        if created.assumed:
            say(f"[dim]not given, so assumed: {', '.join(created.assumed)}; edit task.md and specs[/]")
        next_step("narrowcast data import --locator csv:PATH --auto")

    emit(created, as_json, render)


def _ask(request: InitRequest) -> InitRequest:
    """Questions for what is not given; an empty answer leaves the assumption."""
    from narrowcast.core.task import TaskSpec
    from narrowcast.factory.spec import ASSUMPTIONS
    from narrowcast.tasks import HANDLERS, has_labels

    given = request.model_dump()
    say("[dim]Press Enter to accept the assumption in brackets.[/]")
    for field, question in _QUESTIONS.items():
        if given[field] or (
            field == "labels" and given["task"] and not has_labels(TaskSpec(profile=given["task"]))
        ):
            continue
        if field in ("task", "labels") and given["schema_file"]:
            continue
        answer = typer.prompt(f"{question} [{ASSUMPTIONS[field]}]", default="", show_default=False).strip()
        while field == "task" and answer and answer not in HANDLERS:
            answer = typer.prompt(f"one of {', '.join(HANDLERS)}", default="", show_default=False).strip()
        given[field] = _split(answer) if field == "labels" else answer or None
    return InitRequest.model_validate(given)


_QUESTIONS = {
    "goal": "What is the model for?",
    "task": "Kind of task",
    "labels": "Labels, separated by commas",
    "inputs": "What are the inputs, and who writes them?",
    "failures": "Which mistakes are unacceptable?",
    "deployment": "Where will it run?",
}


def _split(labels: str | None) -> list[str]:
    return [label.strip() for label in (labels or "").split(",") if label.strip()]


def projects(as_json: JsonOption = False) -> None:
    """List the projects of the workspace."""
    from narrowcast.ops.projects import list_projects

    entries = list_projects(settings())

    def render() -> None:
        if not entries:
            say("no project yet")
            next_step("narrowcast init NAME")
            return
        table(
            [("#", "right"), "project", "state", "chosen (UTC)", "folder"],
            [
                (
                    each.id,
                    each.slug,
                    _state(each),
                    each.used_at[:16].replace("T", " "),
                    each.path,
                )
                for each in entries
            ],
        )
        missing = [each for each in entries if each.missing]
        for each in missing:
            say(f"[yellow]warning[/] the folder of {each.slug} is gone; if it was moved:")
            command("narrowcast use FOLDER")
            say("  if it was deleted:")
            command(f"narrowcast project delete {each.slug}")
        usable = any(each.current and not each.missing for each in entries)
        next_step("narrowcast status" if usable else "narrowcast use PROJECT")

    emit([each.model_dump() for each in entries], as_json, render)


def _state(entry: ListedProject) -> str:
    return ", ".join(["current"] * entry.current + ["missing"] * entry.missing)


def use(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Number, slug or folder of the project.")],
    as_json: JsonOption = False,
) -> None:
    """Make a project the current one: the one that commands take where none is named."""
    from narrowcast.ops.projects import use_project

    used = use_project(settings(), project)

    def render() -> None:
        say(f"the current project is [bold]{used.slug}[/], in {used.path}")
        if used.hidden_by:
            say(f"[yellow]warning[/] not here: {used.hidden_by} decides first")
        next_step("narrowcast status")

    state.work_on(used.slug)
    emit(used, as_json, render)


def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show which project commands work on, what is stale in it, and what to do next."""
    from narrowcast.ops.status import status as read_status

    with state.open_project(project) as opened:
        report = read_status(opened)
    emit(report, as_json, lambda: _show_status(report))


def _show_status(report: ProjectStatus) -> None:
    say(f"[bold]{report.project}[/] in {report.path}")
    say(f"workspace {report.workspace}")
    say(f"task: {report.task or 'not decided; the first import decides it'}")
    rows = f"{report.accepted_rows:,} accepted rows of {report.imports:,} imports"
    say(f"data: {rows}; data set {report.dataset_version[:12] or 'not prepared'}")
    say(f"current run: {report.current_run or 'nothing was trained'}")
    for run in report.running:
        say(f"running: {run.run_id}, in process {run.process}; {run.checkpoint}")
    for run in report.interrupted:
        why = f"cannot be resumed: {run.obstacle}; " if run.obstacle else ""
        say(f"interrupted: {run.run_id}, {run.checkpoint}; {why}[dim]runs discard {run.run_id} drops it[/]")
    table(
        ["stage", "state", "reason"],
        [
            (each.stage, "stale" if each.runs else "up to date", each.reason if each.runs else "")
            for each in report.stages
        ],
    )
    next_step(report.next)


@request_command
def migrate(request: MigrateRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Migrate an older project to the current format; nothing is lost."""
    from narrowcast.cli.progress import terminal_work
    from narrowcast.ops.migrate import migrate as migrate_project

    with state.open_project(project, any_format=True) as opened, terminal_work(as_json) as work:
        result = migrate_project(opened, request, work)

    def render() -> None:
        if not result.changes:
            say(f"[bold]{result.project}[/] has the current format, {result.to_format}")
            return
        verb = "would be migrated" if request.dry_run else "was migrated"
        say(f"[bold]{result.project}[/] {verb} from format {result.from_format} to {result.to_format}")
        for change in result.changes:
            say(f"  - {change}")

    emit(result, as_json, render)
