"""The worker of a workspace: takes jobs from the queue and runs each step in a process of its own.

A worker that is started again takes up what the one before left, because both have the same executor id. A
step is run at least once: training continues from its checkpoint, other stages skip what is done.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from narrowcast.core.hashing import sha256_hex
from narrowcast.core.settings import Settings
from narrowcast.errors import StageError, WorkspaceError
from narrowcast.jobs.database import APPLICATION, QUEUE, VERSION, queue_client, queue_url
from narrowcast.jobs.process import Stopped, run_step
from narrowcast.jobs.record import JobFiles, JobRequest
from narrowcast.jobs.requests import WorkerRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.lock import is_held, take

WORKFLOW = "narrowcast_job"
SCHEDULED = "narrowcast_scheduled_job"
_LOOK = 0.5  # seconds between two looks at the queue
_LOST = 5.0  # seconds for which nobody runs a job that is marked as running, before it is queued again


def emit(
    settings: Settings,
    project: int,
    code: str,
    message: str,
    payload: dict[str, Any],
    stage: StageName = StageName.SYSTEM,
) -> None:
    """Append an event about a job to the trail of its project; its `run` is the job."""
    with closing(Project.open(settings, str(project))) as opened:
        opened.trail.emit(stage, code, message, payload=payload, run=payload["job"])


def worker_lives(settings: Settings) -> bool:
    """Whether a worker of this workspace runs."""
    return is_held(_lock_path(settings))


def start_worker(settings: Settings, idle_seconds: float = 60.0) -> None:
    """Start a worker that outlives this process and ends when nothing is left to do, where none runs."""
    if worker_lives(settings):
        return
    folder = settings.home / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "worker.log").open("ab") as log:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "narrowcast.cli.main",
                "jobs",
                "worker",
                "--idle-seconds",
                str(idle_seconds),
            ],
            env={**os.environ, **settings.to_environment()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=child.wait, daemon=True).start()


def serve_queue(settings: Settings, request: WorkerRequest | None = None) -> None:
    """Run jobs until SIGTERM or ctrl-C, or until there was nothing to do for a while.

    Args:
        settings: of the workspace.
        request: how many jobs run at the same time, and when the worker ends; an active schedule counts as
            work.

    Raises:
        WorkspaceError: if a worker runs already, or the database cannot be used.
    """
    request, ended = request or WorkerRequest.model_validate({}), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    with queue_client(settings) as client, _alone(settings):
        running: set[str] = set()
        dbos = _launched(settings, client, request.concurrency, running)
        idle_since = time.monotonic()
        lost_since: dict[str, float] = {}
        while not ended.wait(_LOOK):
            _take_up_lost(settings, client, running, lost_since)
            if _has_work(client):
                idle_since = time.monotonic()
            elif request.idle_seconds is not None and time.monotonic() - idle_since >= request.idle_seconds:
                break
        if ended.is_set():
            # Processes of steps end with this one, at a checkpoint; the next worker takes them up.
            os._exit(0)
        dbos.destroy()
    with queue_client(settings) as client:
        if _has_work(client):  # came between the last look and the end
            start_worker(settings)


def _take_up_lost(settings: Settings, client: Any, running: set[str], lost_since: dict[str, float]) -> None:
    """Queue those jobs again that are marked as this worker's but run nowhere.

    DBOS takes up what an earlier worker left once, when it is launched; where the database refuses at that
    moment, or when a job that was taken from the queue cannot be started, it logs that and continues, and the
    job would wait for the next worker.
    """
    mine = {
        each.workflow_id
        for each in client.list_workflows(
            name=WORKFLOW,
            status=["PENDING"],
            executor_id=_executor(settings),
            load_input=False,
            load_output=False,
        )
    } - running
    for job_id in set(lost_since) - mine:
        del lost_since[job_id]
    for job_id in mine:
        if time.monotonic() - lost_since.setdefault(job_id, time.monotonic()) >= _LOST:
            client.resume_workflow(job_id, queue_name=QUEUE)
            del lost_since[job_id]


def _launched(settings: Settings, client: Any, concurrency: int, running: set[str]) -> Any:
    from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
    from dbos import error as dbos_error

    @DBOS.step(name="narrowcast_step")
    def step(job_id: str, raw: dict[str, Any], number: int) -> dict[str, Any]:
        try:
            return _step(settings, client, job_id, JobRequest.model_validate(raw), number)
        except Stopped as error:
            raise dbos_error.DBOSWorkflowCancelledError(job_id) from error

    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=1000)
    def job(raw: dict[str, Any]) -> int:
        job_id, request = str(DBOS.workflow_id), JobRequest.model_validate(raw)
        running.add(job_id)
        try:
            for number in range(len(request.commands)):
                _succeeded(settings, job_id, request, number, step(job_id, raw, number))
        finally:
            running.discard(job_id)
        emit(settings, request.project, "job_done", f"{job_id} has finished", {"job": job_id})
        return len(request.commands)

    @DBOS.workflow(name=SCHEDULED)
    def scheduled(when: Any, context: dict[str, Any]) -> None:
        stamp = "".join(filter(str.isdigit, str(when)))[:14]
        job_id = f"{context['schedule']}-{stamp}"
        emit(settings, context["project"], "job_submitted", f"{job_id} was due", {"job": job_id})
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(QUEUE, job, context)

    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": queue_url(settings),
        "application_version": VERSION,
        "executor_id": _executor(settings),
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "CRITICAL",
        "scheduler_polling_interval_sec": 2.0,
    }
    dbos = DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(
        QUEUE, worker_concurrency=concurrency, polling_interval_sec=_LOOK, on_conflict="always_update"
    )
    return dbos


def _step(settings: Settings, client: Any, job_id: str, request: JobRequest, number: int) -> dict[str, Any]:
    files = JobFiles.of(settings, job_id)

    def wanted() -> bool:
        status = client.retrieve_workflow(job_id).get_status().status
        return bool(status != "CANCELLED")

    command = " ".join(request.commands[number])
    payload = {"job": job_id, "step": number, "command": command}
    emit(settings, request.project, "job_started", f"{job_id}: narrowcast {command}", payload)
    for _ in range(request.retries + 1):
        outcome = run_step(files, request, number, settings, wanted)
        if outcome["exit_code"] >= 0:
            break
    return outcome


def _succeeded(
    settings: Settings, job_id: str, request: JobRequest, number: int, outcome: dict[str, Any]
) -> None:
    if not outcome["exit_code"]:
        return
    error = JobFiles.of(settings, job_id).state().error or {"message": "failed"}
    code = "job_process_died" if outcome["exit_code"] < 0 else "job_failed"
    payload = {"job": job_id, "step": number, "error": error}
    emit(settings, request.project, code, str(error["message"]), payload)
    raise StageError(str(error["message"]), reason_code=code)


def _has_work(client: Any) -> bool:
    if client.list_workflows(
        name=WORKFLOW, status=["ENQUEUED", "PENDING", "DELAYED"], limit=1, load_input=False, load_output=False
    ):
        return True
    return any(each["status"] == "ACTIVE" for each in client.list_schedules())


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    path = _lock_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not take(file):
            file.seek(0)
            raise WorkspaceError(
                "a worker is already running in this workspace",
                where=file.read(),
                next_command="narrowcast jobs list",
                reason_code="job_worker_busy",
            )
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid()}))
        file.flush()
        yield


def _lock_path(settings: Settings) -> Path:
    return settings.home / "jobs" / "worker.lock"


def _executor(settings: Settings) -> str:
    """The same for every worker of a workspace on this machine, so that each takes up the last one's jobs."""
    return sha256_hex(f"{socket.gethostname()}:{settings.home}".encode())[:16]
