"""`narrowcast project`: what is done to a project as a whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli import state
from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.cli.output import emit, next_step, say
from narrowcast.ops.requests import (
    BackupRequest,
    DeleteRequest,
    MoveRequest,
    RenameRequest,
    RestoreRequest,
)

if TYPE_CHECKING:
    from narrowcast.ops.whole_project import WholeProject

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Rename, move, delete, back up and restore projects."
)


@app.command()
@request_command
def rename(request: RenameRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Rename a project; its folder stays where it is."""
    from narrowcast.ops.project_changes import rename as rename_project

    with state.open_project(project) as opened:
        result = rename_project(opened, request)

    def render() -> None:
        verb = "would be" if result.dry_run else "is now"
        say(f"[bold]{result.former}[/] {verb} called [bold]{result.slug}[/]")
        next_step(
            "the same command without --dry-run"
            if result.dry_run
            else f"narrowcast status --project {result.slug}"
        )

    emit(result, as_json, render)


@app.command()
@request_command
def move(request: MoveRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Move a project to another folder."""
    from narrowcast.cli.progress import terminal_work
    from narrowcast.ops.project_changes import move as move_project

    with state.open_project(project) as opened, terminal_work(as_json) as work:
        result = move_project(opened, request, work)

    def render() -> None:
        how = ", copied and compared" if result.copied else ""
        warnings = [
            f"[yellow]warning[/] the source {each} names the former folder; correct narrowcast.yaml"
            for each in result.sources_inside
        ]
        done = f"moved to {result.path}{how}"
        _show(result, done, warnings, f"narrowcast status --project {result.slug}")

    emit(result, as_json, render)


@app.command()
@request_command
def delete(
    request: DeleteRequest,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Number, slug or folder of the project.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a project; asks first."""
    from narrowcast.errors import WorkspaceError
    from narrowcast.ops.project_changes import DeletedProject, forget_missing
    from narrowcast.ops.project_changes import delete as delete_project

    result: DeletedProject | None
    try:
        with state.open_project(project, any_format=True) as opened:
            result = delete_project(opened, request.model_copy(update={"dry_run": True}))
            if not request.dry_run:
                _confirm(result, yes=yes)
                result = delete_project(opened, request)
    except WorkspaceError as error:
        if error.reason_code != "system_project_missing":
            raise
        result = forget_missing(state.settings(), project, request)
        if result is None:
            raise
    report = result

    def render() -> None:
        kept = f"kept in {report.path}, because narrowcast did not make it: {', '.join(report.kept)}"
        _show(report, "deleted", [kept] if report.kept else [], "narrowcast projects")

    emit(report, as_json, render)


def _show(result: WholeProject, done: str, notes: list[str], then: str) -> None:
    """What was or would be done, with its size, what to know of it, and what to run next."""
    verb = "would be" if result.dry_run else "was"
    say(f"[bold]{result.slug}[/] {verb} {done}: {_size(result)}")
    for note in notes:
        say(note)
    next_step("the same command without --dry-run" if result.dry_run else then)


def _size(result: WholeProject) -> str:
    return f"{result.files:,} files, {result.size_bytes / 1e6:,.1f} MB"


def _confirm(found: WholeProject, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere `--yes` has to be given.

    Raises:
        UsageError: if nobody can be asked.
        CancelledError: if the answer is no.
    """
    from narrowcast.errors import CancelledError, UsageError

    if yes:
        return
    size = f"{_size(found)} in {found.path}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            f"deleting {found.slug} would remove {size}, and nobody can be asked here",
            where=found.slug,
            next_command="the same command with --yes",
        )
    say(f"This deletes [bold]{found.slug}[/]: {size}. There is no way back without a backup.")
    answer = typer.prompt("Type the name of the project to delete it", default="", show_default=False)
    if answer.strip() != found.slug:
        raise CancelledError("nothing was deleted", where=found.slug, next_command="narrowcast projects")


@app.command()
@request_command
def backup(request: BackupRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Write a project into one archive."""
    from narrowcast.cli.progress import terminal_work
    from narrowcast.ops.backups import backup as back_up

    with state.open_project(project, any_format=True) as opened, terminal_work(as_json) as work:
        result = back_up(opened, request, work)

    def render() -> None:
        notes = [f"[dim]left out: {', '.join(result.left_out)}[/]"] if result.left_out else []
        notes += [] if result.dry_run else [f"sha256 {result.sha256}"]
        how = "" if result.dry_run else " and read again"
        _show(result, f"written to {result.path}{how}", notes, "narrowcast status")

    emit(result, as_json, render)


@app.command()
@request_command
def restore(request: RestoreRequest, as_json: JsonOption = False) -> None:
    """Restore a project from an archive."""
    from narrowcast.cli.progress import terminal_work
    from narrowcast.ops.backups import restore as restore_project

    with terminal_work(as_json) as work:
        result = restore_project(state.settings(), request, work)
    if not result.dry_run:
        state.work_on(result.slug)

    def render() -> None:
        whole = "the backup is whole" if result.dry_run else "the backup was whole"
        notes = [f"{whole}: made {result.backup_created}, {result.events:,} events"]
        notes += [f"[yellow]warning[/] its trail is not intact: {each}" for each in result.problems]
        then = "narrowcast migrate" if result.format_is_old else "narrowcast status"
        _show(result, f"restored to {result.path}", notes, then)

    emit(result, as_json, render)
