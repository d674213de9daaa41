"""`narrowcast jobs`: long commands as durable jobs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.jobs.requests import (
    JobIdRequest,
    JobsRequest,
    LogRequest,
    ResumeRequest,
    ScheduleRequest,
    StopRequest,
    SubmitRequest,
    UnscheduleRequest,
    WorkerRequest,
)

if TYPE_CHECKING:
    from narrowcast.jobs.record import Job

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Run long commands as durable jobs.")

# Its words reach the request as steps, which the command line has no type for.
CommandArgument = Annotated[
    list[str],
    typer.Argument(metavar="COMMAND", help="After `--`: the command; further steps after further `--`."),
]


@app.command()
@request_command
def submit(
    request: SubmitRequest,
    command: CommandArgument,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a command, such as `-- train --epochs 3`, as a job."""
    from narrowcast.cli.output import next_step, say
    from narrowcast.cli.state import open_project
    from narrowcast.jobs import control

    with open_project(project) as opened:
        job = control.submit(opened, request.model_copy(update={"commands": split_steps(command)}))
    _emit(job, as_json)
    if not as_json:
        say(f"  log       {job.log}")
        next_step(f"narrowcast jobs logs {job.id} --follow")


@app.command("list")
@request_command
def list_jobs(request: JobsRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the jobs of the workspace, or of one project."""
    from narrowcast.cli.output import emit, next_step, say, table
    from narrowcast.cli.state import open_project, settings
    from narrowcast.jobs import control

    with open_project(project) if project else nullcontext(settings()) as place:
        jobs = control.jobs(place, request)
    rows = [
        (
            each.id,
            each.status,
            _step(each),
            _progress(each),
            each.submitted[:16].replace("T", " "),
            _line(each),
        )
        for each in jobs
    ]

    def render() -> None:
        if not rows:
            say("no job was submitted yet")
            next_step("narrowcast jobs submit --help")
            return
        table(["job", "status", "step", "progress", "submitted (UTC)", "commands"], rows)

    emit([each.model_dump(mode="json") for each in jobs], as_json, render)


@app.command()
@request_command
def show(request: JobIdRequest, as_json: JsonOption = False) -> None:
    """Show the progress of a job and the results of its steps."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.show(settings(), request), as_json)


@app.command()
@request_command
def logs(request: LogRequest, as_json: JsonOption = False) -> None:
    """Print the log of a job."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import settings
    from narrowcast.jobs.logs import follow_log, read_log

    given = settings()
    if as_json:
        emit({"job": request.job, "log": read_log(given, request)}, True, lambda: None)
        return
    for piece in follow_log(given, request) if request.follow else [read_log(given, request)]:
        typer.echo(piece, nl=False)


@app.command()
@request_command
def cancel(request: StopRequest, as_json: JsonOption = False) -> None:
    """Cancel a job; training writes a checkpoint first."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.stop(settings(), request), as_json)


@app.command()
@request_command
def pause(request: StopRequest, as_json: JsonOption = False) -> None:
    """Pause a job; `jobs resume` continues from its checkpoint."""
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.stop(settings(), request.model_copy(update={"pause": True})), as_json)


@app.command()
@request_command
def resume(request: ResumeRequest, as_json: JsonOption = False) -> None:
    """Continue a paused, cancelled, failed or interrupted job.

    Finished steps are not repeated.
    """
    from narrowcast.cli.state import settings
    from narrowcast.jobs import control

    _emit(control.resume(settings(), request), as_json)


@app.command()
@request_command
def worker(request: WorkerRequest) -> None:
    """Run queued jobs in this process.

    Continues the jobs of a worker that was killed.
    """
    from narrowcast.cli.state import settings
    from narrowcast.jobs.worker import serve_queue

    serve_queue(settings(), request)


@app.command()
@request_command
def schedule(
    request: ScheduleRequest,
    command: CommandArgument,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a command on a schedule.

    For example: narrowcast jobs schedule nightly --cron "0 3 * * *" -- run
    """
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.state import open_project
    from narrowcast.jobs.schedule import add_schedule

    with open_project(project) as opened:
        added = add_schedule(opened, request.model_copy(update={"commands": split_steps(command)}))
    emit(added, as_json, lambda: say(f"[bold]{added.name}[/] {added.cron}"))


@app.command()
def schedules(as_json: JsonOption = False) -> None:
    """List the schedules."""
    from narrowcast.cli.output import emit, next_step, say, table
    from narrowcast.cli.state import settings
    from narrowcast.jobs import schedule as ops

    entries = ops.schedules(settings())
    rows = [(each.name, each.cron, each.timezone or "UTC", each.last_fired or "never") for each in entries]

    def render() -> None:
        if not rows:
            say("nothing is scheduled")
            next_step("narrowcast jobs schedule --help")
            return
        table(["schedule", "cron", "time zone", "last fired"], rows)

    emit([each.model_dump(mode="json") for each in entries], as_json, render)


@app.command()
@request_command
def unschedule(request: UnscheduleRequest, as_json: JsonOption = False) -> None:
    """Remove a schedule; jobs it has submitted stay."""
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.state import settings
    from narrowcast.jobs.schedule import remove_schedule

    removed = remove_schedule(settings(), request)
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
    progress = job.progress
    total = "" if progress.total is None else f" of {progress.total:,}"
    return f"{progress.phase} {progress.done:,}{total}" if progress.phase else ""
