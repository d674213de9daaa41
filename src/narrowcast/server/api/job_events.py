"""How a job goes, as server-sent events: one for each change of status, step or progress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError
from narrowcast.jobs.control import find_job
from narrowcast.jobs.record import Job
from narrowcast.server.api.problems import problem_of

PATH = "/api/jobs/{job}/events"
_POLL_S = 0.5
_QUIET_S = 15.0  # after which a comment keeps the connection open
# Those that change by themselves; in all others the job waits for somebody.
_MOVING = ("queued", "running", "stopping")


def add_job_events(app: FastAPI, settings: Settings) -> None:
    """Give an application the stream of a job."""

    async def events(job: str, http: HttpRequest) -> Response:
        try:
            first = await run_in_threadpool(find_job, settings, job)
        except NarrowcastError as error:
            return problem_of(error)
        return StreamingResponse(_stream(settings, first, http), media_type="text/event-stream")

    app.add_api_route(PATH, events, methods=["GET"], response_model=None, include_in_schema=False)


async def _stream(settings: Settings, job: Job, http: HttpRequest) -> AsyncIterator[str]:
    sent: dict[str, Any] | None = None
    quiet = 0.0
    while True:
        plain = _shown(job)
        if plain != sent:
            sent, quiet = plain, 0.0
            kind = "progress" if job.status in _MOVING else "end"
            yield f"event: {kind}\ndata: {json.dumps(plain, ensure_ascii=False)}\n\n"
        if job.status not in _MOVING or await http.is_disconnected():
            return
        if quiet >= _QUIET_S:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_POLL_S)
        quiet += _POLL_S
        job = await run_in_threadpool(find_job, settings, job.id)


def _shown(job: Job) -> dict[str, Any]:
    """What changes while a job runs; not the heartbeat."""
    plain = job.model_dump(mode="json", include={"id", "status", "progress"})
    return {**plain, "step": job.state.step, "outcomes": job.state.outcomes, "error": job.state.error}
