"""`narrowcast jobs`: long commands as durable jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from narrowcast.jobs.record import Job

app = typer.Typer(no_args_is_help=True, help="Run long commands as durable jobs.")

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="As `jobs submit` printed it.")]
CommandArgument = Annotated[
    list[str], typer.Argument(metavar="COMMAND...", help="After `--`; more steps after further `--`.")
]


@app.command()
def submit(
    command: CommandArgument,
    project: ProjectOption = None,
    retries: Annotated[
        int, typer.Option(min=0, max=20, help="Start a step again whose process was killed.")
    ] = 0,
    worker: Annotated[bool, typer.Option(help="Start a worker where none runs.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Put a command into the queue: narrowcast jobs submit -- train --epochs 3."""
    from narrowcast.cli.output import next_step, say
    from narrowcast.cli.state import open_project
    from narrowcast.jobs import control

    job = control.submit(open_project(project), split_steps(command), retries=retries, worker=worker)
    _emit(job, as_json)
    if not as_json:
        say(f"  log       {job.log}")
        next_step(f"narrowcast jobs logs {job.id} --follow")


@app.command("list")
def list_jobs(
    project: ProjectOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The newest so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs of the workspace, or of one project."""
    from narrowcast.cli.output import emit, table
    from narrowcast.cli.state import open_project, settings
    from narrowcast.jobs import control

    number = open_project(project).id if project else None
    found = control.jobs(settings(), number, limit)
    rows = [
        (
            each.id,
            each.status,
            _step(each),
            _progress(each),
            each.submitted[:16].replace("T", " "),
            _line(each),
        )
        for each in found
    ]
    columns = ["job", "status", "step", "progress", "submitted", "commands"]
    emit([each.model_dump(mode="json") for each in found], as_json, lambda: table(columns, rows))


@app.command()
def show(job: JobArgument, as_json: JsonOption = False) -> None:
    """Show how far a job is, its heartbeat, and what its steps printed."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.show(settings(), job), as_json)


@app.command()
def logs(
    job: JobArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the job has ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print what a job's commands wrote."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import settings
    from narrowcast.jobs.logs import follow_log, read_log

    if as_json:
        emit({"job": job, "log": read_log(settings(), job)}, True, lambda: None)
        return
    for piece in follow_log(settings(), job) if follow else [read_log(settings(), job)]:
        typer.echo(piece, nl=False)


@app.command()
def cancel(job: JobArgument, as_json: JsonOption = False) -> None:
    """Stop a job; training writes a checkpoint first."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.stop(settings(), job, pause=False), as_json)


@app.command()
def pause(job: JobArgument, as_json: JsonOption = False) -> None:
    """Stop a job for a while; `jobs resume` continues from its checkpoint."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.stop(settings(), job, pause=True), as_json)


@app.command()
def resume(
    job: JobArgument,
    worker: Annotated[bool, typer.Option(help="Start a worker where none runs.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Go on with a paused, cancelled, failed or interrupted job; finished steps are not repeated."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.resume(settings(), job, worker=worker), as_json)


@app.command()
def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Jobs at once.")] = 1,
    idle_seconds: Annotated[
        float | None, typer.Option(min=0, help="End after so long without work; default never.")
    ] = None,
) -> None:
    """Run queued jobs, here; a worker that was killed is taken up by the next."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs.worker import serve_queue

    serve_queue(settings(), concurrency=concurrency, idle_seconds=idle_seconds)


@app.command()
def schedule(
    name: Annotated[str, typer.Argument(help="A name of your choice.")],
    command: CommandArgument,
    cron: Annotated[str, typer.Option(help="Five cron fields, or six with seconds first.")],
    timezone: Annotated[str | None, typer.Option(help="Time zone of the expression; default UTC.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a command by the clock: narrowcast jobs schedule nightly --cron "0 3 * * *" -- run."""
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.state import open_project
    from narrowcast.jobs.schedule import add_schedule

    added = add_schedule(open_project(project), name, cron, split_steps(command), timezone)
    emit(added, as_json, lambda: say(f"[bold]{added.name}[/] {added.cron}"))


@app.command()
def schedules(as_json: JsonOption = False) -> None:
    """List the schedules."""
    from narrowcast.cli.output import emit, table
    from narrowcast.cli.state import settings
    from narrowcast.jobs import schedule as ops

    found = ops.schedules(settings())
    rows = [(each.name, each.cron, each.timezone or "UTC", each.last_fired or "never") for each in found]
    emit(
        [each.model_dump(mode="json") for each in found],
        as_json,
        lambda: table(["schedule", "cron", "time zone", "last fired"], rows),
    )


@app.command()
def unschedule(name: Annotated[str, typer.Argument()], as_json: JsonOption = False) -> None:
    """Remove a schedule; its jobs stay."""
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.state import settings
    from narrowcast.jobs.schedule import remove_schedule

    removed = remove_schedule(settings(), name)
    emit(removed, as_json, lambda: say(f"[bold]{removed.name}[/] was removed"))


def split_steps(words: list[str]) -> list[list[str]]:
    """Command lines that `--` keeps apart."""
    steps: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            steps.append([])
        else:
            steps[-1].append(word)
    return steps


def _emit(job: Job, as_json: bool) -> None:
    from narrowcast.cli.output import emit, next_step, say

    def render() -> None:
        say(f"[bold]{job.id}[/] {job.status}: {_line(job)}")
        if job.state.heartbeat:
            say(f"  step {_step(job)}  attempts {job.state.attempts}  heartbeat {job.state.heartbeat}")
        if job.progress.phase:
            say(f"  progress  {_progress(job)}")
        if job.status == "failed" and job.state.error:
            say(f"  [red]error[/]     {job.state.error.get('message', '')}")
            next_step(job.state.error.get("actionable_fix") or f"narrowcast jobs resume {job.id}")

    emit(job, as_json, render)


def _line(job: Job) -> str:
    return " -- ".join(" ".join(command) for command in job.request.commands)


def _step(job: Job) -> str:
    return f"{job.state.step + 1}/{len(job.request.commands)}"


def _progress(job: Job) -> str:
    shown = job.progress
    total = "" if shown.total is None else f" of {shown.total:,}"
    return f"{shown.phase} {shown.done:,}{total}" if shown.phase else ""
