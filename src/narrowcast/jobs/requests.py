"""What can be asked of jobs. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from narrowcast.core.request import CommandLine, Request

_Worker = Annotated[bool, CommandLine("--worker")]


class SubmitRequest(Request):
    """Put commands into the queue as one job; each is a step."""

    commands: Annotated[list[list[str]], CommandLine(hidden=True)] = Field(default_factory=list)
    """Command lines without the program's name."""
    retries: int = Field(0, ge=0, le=20)
    """Restart a step whose process was killed, at most N times."""
    worker: _Worker = True
    """Start a worker if none is running."""


class JobsRequest(Request):
    """List jobs, the newest first."""

    limit: int | None = Field(None, ge=1)
    """List at most N jobs."""


class JobIdRequest(Request):
    """One job."""

    job: Annotated[str, CommandLine(positional=True)]
    """Id of the job, as `jobs submit` printed it."""


class StopRequest(JobIdRequest):
    """Stop a job; training writes a checkpoint first."""

    pause: Annotated[bool, CommandLine(hidden=True)] = False
    """Pause the job instead of cancelling it."""


class ResumeRequest(JobIdRequest):
    """Continue a paused, cancelled, failed or interrupted job; finished steps are not repeated."""

    worker: _Worker = True
    """Start a worker if none is running."""


class LogRequest(JobIdRequest):
    """What a job's commands wrote."""

    follow: Annotated[bool, CommandLine("--follow", "-f")] = False
    """Print new lines until the job has ended."""


class WorkerRequest(Request):
    """Run queued jobs in this process."""

    concurrency: int = Field(1, ge=1, le=64)
    """Jobs that run at the same time."""
    idle_seconds: float | None = Field(None, ge=0)
    """Exit after N seconds without work; by default never."""


class ScheduleRequest(Request):
    """Submit a command on a schedule."""

    name: Annotated[str, CommandLine(positional=True)]
    """Name of the schedule."""
    commands: Annotated[list[list[str]], CommandLine(hidden=True)] = Field(default_factory=list)
    """Command lines without the program's name."""
    cron: str
    """Five cron fields, or six with seconds first."""
    timezone: str | None = None
    """Time zone of the expression; by default UTC."""


class UnscheduleRequest(Request):
    """Remove a schedule; its jobs stay."""

    name: Annotated[str, CommandLine(positional=True)]
    """Name of the schedule, as `jobs schedules` lists it."""
