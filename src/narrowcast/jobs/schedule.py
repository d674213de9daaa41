"""Jobs by the clock: a schedule submits its commands when its cron expression is due and a worker runs."""

from __future__ import annotations

from pydantic import BaseModel

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.jobs.control import check
from narrowcast.jobs.database import APPLICATION, queue_client
from narrowcast.jobs.record import JobRequest
from narrowcast.jobs.requests import ScheduleRequest, UnscheduleRequest
from narrowcast.jobs.worker import SCHEDULED, emit, start_worker
from narrowcast.pipeline.project import Project


class Schedule(BaseModel):
    """One schedule; `cron` is in UTC unless a time zone is given."""

    name: str
    cron: str
    timezone: str | None = None
    request: JobRequest
    last_fired: str | None = None


def add_schedule(project: Project, request: ScheduleRequest) -> Schedule:
    """Submit the commands whenever the cron expression is due.

    Raises:
        UsageError: for a wrong name, expression, time zone or command, or a name that is taken.
    """
    name, cron = request.name, request.cron
    if not name.replace("-", "").isalnum():
        raise UsageError("a schedule's name is letters, digits and hyphens", where=name)
    queued = check(JobRequest(project=project.id, commands=request.commands, schedule=name))
    with queue_client(project.settings) as client:
        from dbos import error as dbos_error

        try:
            client.create_schedule(
                schedule_name=name,
                workflow_name=SCHEDULED,
                schedule=cron,
                context=queued.model_dump(),
                cron_timezone=request.timezone,
                application_name=APPLICATION,
            )
        except dbos_error.DBOSException as error:
            message = str(error).removeprefix("DBOS Error: ")
            raise UsageError(
                message[:1].lower() + message[1:],
                where=name,
                next_command="narrowcast jobs schedules, which lists them",
            ) from error
    emit(project.settings, project.id, "job_scheduled", f"{name}: {cron}", {"job": name, "cron": cron})
    start_worker(project.settings)
    return Schedule(name=name, cron=cron, timezone=request.timezone, request=queued)


def schedules(settings: Settings) -> list[Schedule]:
    """Every schedule of the workspace."""
    with queue_client(settings) as client:
        return [
            Schedule(
                name=each["schedule_name"],
                cron=each["schedule"],
                timezone=each.get("cron_timezone"),
                request=JobRequest.model_validate(each["context"]),
                last_fired=each.get("last_fired_at"),
            )
            for each in client.list_schedules()
        ]


def remove_schedule(settings: Settings, request: UnscheduleRequest) -> Schedule:
    """Remove a schedule; its jobs stay.

    Raises:
        UsageError: if there is none.
    """
    name = request.name
    entry = next((each for each in schedules(settings) if each.name == name), None)
    if entry is None:
        raise UsageError(
            "there is no such schedule",
            where=name,
            next_command="narrowcast jobs schedules, which lists them",
        )
    with queue_client(settings) as client:
        client.delete_schedule(name)
    emit(settings, entry.request.project, "job_scheduled", f"{name} was removed", {"job": name})
    return entry
