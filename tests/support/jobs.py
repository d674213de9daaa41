"""Jobs as tests ask for them: by keyword."""

from __future__ import annotations

from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.jobs import control, logs, schedule
from narrowcast.jobs.record import Job
from narrowcast.jobs.requests import (
    JobIdRequest,
    ResumeRequest,
    ScheduleRequest,
    StopRequest,
    SubmitRequest,
    UnscheduleRequest,
)
from narrowcast.jobs.schedule import Schedule
from narrowcast.pipeline.project import Project


def submit(project: Project, commands: list[list[str]], **fields: Any) -> Job:
    """A job that no worker takes until a test starts one."""
    return control.submit(project, SubmitRequest(commands=commands, worker=False, **fields))


def show(settings: Settings, job: str) -> Job:
    """How far it is."""
    return control.show(settings, JobIdRequest(job=job))


def stop(settings: Settings, job: str, *, pause: bool) -> Job:
    """Pause or cancel it."""
    return control.stop(settings, StopRequest(job=job, pause=pause))


def resume(settings: Settings, job: str) -> Job:
    """Queue it again."""
    return control.resume(settings, ResumeRequest(job=job, worker=False))


def read_log(settings: Settings, job: str) -> str:
    """What it wrote."""
    return logs.read_log(settings, JobIdRequest(job=job))


def follow_log(settings: Settings, job: str) -> str:
    """What it wrote, once it has ended."""
    return "".join(logs.follow_log(settings, JobIdRequest(job=job)))


def add_schedule(project: Project, name: str, cron: str, commands: list[list[str]]) -> Schedule:
    """By the clock."""
    return schedule.add_schedule(project, ScheduleRequest(name=name, cron=cron, commands=commands))


def remove_schedule(settings: Settings, name: str) -> Schedule:
    """No longer."""
    return schedule.remove_schedule(settings, UnscheduleRequest(name=name))
