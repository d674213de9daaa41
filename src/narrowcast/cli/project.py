"""`narrowcast project`: what is done to a project as a whole."""

from __future__ import annotations

import sys
from typing import Annotated

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
        if not result.dry_run:
            next_step(f"narrowcast status --project {result.slug}")

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
        verb = "would be moved" if result.dry_run else "was moved"
        how = ", copied and compared" if result.copied else ""
        say(f"[bold]{result.slug}[/] {verb} to {result.path}: {result.files:,} files{how}")
        for each in result.sources_inside:
            say(f"[yellow]warning[/] the source {each} names the former folder; correct narrowcast.yaml")
        if not result.dry_run:
            next_step(f"narrowcast status --project {result.slug}")

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
        verb = "would be" if report.dry_run else "was"
        size = f"{report.files:,} files, {report.freed_bytes / 1e6:,.1f} MB"
        say(f"[bold]{report.slug}[/] {verb} deleted: {size}")
        if report.kept:
            say(f"kept in {report.path}, because narrowcast did not make it: {', '.join(report.kept)}")
        if report.dry_run:
            next_step("the same command without --dry-run")
        else:
            next_step("narrowcast projects")

    emit(report, as_json, render)


def _confirm(found: object, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere `--yes` has to be given.

    Raises:
        UsageError: if nobody can be asked.
        CancelledError: if the answer is no.
    """
    from narrowcast.errors import CancelledError, UsageError
    from narrowcast.ops.project_changes import DeletedProject

    assert isinstance(found, DeletedProject)
    if yes:
        return
    size = f"{found.files:,} files, {found.freed_bytes / 1e6:,.1f} MB in {found.path}"
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
        verb = "would be written" if result.dry_run else "were written and read again"
        say(f"{result.files:,} files, {result.size_bytes / 1e6:,.1f} MB, {verb}: {result.path}")
        if result.left_out:
            say(f"[dim]left out: {', '.join(result.left_out)}[/]")
        if not result.dry_run:
            say(f"sha256 {result.sha256}")

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
        verb = "is whole, and would be restored" if result.dry_run else "was restored"
        say(f"the backup of {result.backup_created} {verb} as [bold]{result.slug}[/] in {result.path}")
        say(f"{result.files:,} files, {result.size_bytes / 1e6:,.1f} MB, {result.events:,} events")
        for each in result.problems:
            say(f"[yellow]warning[/] its trail is not intact: {each}")
        if result.dry_run:
            next_step("the same command without --dry-run")
        else:
            next_step("narrowcast migrate" if result.format_is_old else "narrowcast status")

    emit(result, as_json, render)
