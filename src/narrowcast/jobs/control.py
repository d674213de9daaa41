"""Submit, list and steer jobs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.jobs.database import APPLICATION, QUEUE, VERSION, queue_client
from narrowcast.jobs.record import Job, JobFiles, JobRequest, Status, unknown
from narrowcast.jobs.requests import JobIdRequest, JobsRequest, ResumeRequest, StopRequest, SubmitRequest
from narrowcast.jobs.worker import WORKFLOW, emit, start_worker, worker_lives
from narrowcast.pipeline.project import Project
from narrowcast.store.lock import is_held

# Commands that make sense without anybody watching; `jobs` itself, servers and questions do not.
COMMANDS = {
    "baseline", "call", "compare", "data", "demo", "eval", "export", "models", "parity", "prepare",
    "preflight", "rerun", "run", "search", "train",
}  # fmt: skip


def submit(project: Project, request: SubmitRequest) -> Job:
    """Put commands into the queue as one job; each is a step.

    Raises:
        UsageError: for a command that cannot be a job.
    """
    commands = request.commands
    queued = check(JobRequest(project=project.id, commands=commands, retries=request.retries))
    job_id = f"job-{uuid.uuid4().hex[:8]}"
    with queue_client(project.settings) as client:
        client.enqueue(
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": job_id,
                "app_version": VERSION,
                "application_name": APPLICATION,
            },
            queued.model_dump(),
        )
    text = " -- ".join(" ".join(command) for command in commands)
    emit(project.settings, project.id, "job_submitted", f"{job_id}: {text}", {"job": job_id})
    if request.worker:
        start_worker(project.settings)
    return find_job(project.settings, job_id)


def check(request: JobRequest) -> JobRequest:
    """The request, where each command can be a job.

    Raises:
        UsageError: for one that cannot.
    """
    for command in request.commands:
        if not command or command[0] not in COMMANDS:
            raise UsageError(
                "this command cannot run as a job",
                where=" ".join(command) or "an empty command",
                next_command=f"one of: {', '.join(sorted(COMMANDS))}",
            )
    if not request.commands:
        raise UsageError("a job needs a command", next_command="narrowcast jobs submit -- train")
    return request


def jobs(place: Project | Settings, request: JobsRequest | None = None) -> list[Job]:
    """The jobs of a project or of the whole workspace, the newest first."""
    request = request or JobsRequest.model_validate({})
    project = place.id if isinstance(place, Project) else None
    settings = place.settings if isinstance(place, Project) else place
    with queue_client(settings) as client:
        entries = [
            _job(settings, each)
            for each in client.list_workflows(name=WORKFLOW, sort_desc=True, load_output=False)
        ]
    mine = [each for each in entries if project is None or each.request.project == project]
    return mine[: request.limit]


def show(settings: Settings, request: JobIdRequest) -> Job:
    """One job.

    Raises:
        DataError: if there is none.
    """
    return find_job(settings, request.job)


def find_job(settings: Settings, job_id: str) -> Job:
    """One job, by its id.

    Raises:
        DataError: if there is none.
    """
    with queue_client(settings) as client:
        return _job(settings, _status(client, job_id))


def stop(settings: Settings, request: StopRequest) -> Job:
    """Take a job from the queue, or let its process stop at the next safe point.

    Raises:
        DataError: if there is no such job.
        UsageError: if it has ended.
    """
    job_id = request.job
    with queue_client(settings) as client:
        job = _job(settings, _status(client, job_id))
        if job.status in ("done", "failed", "cancelled"):
            raise UsageError(f"the job is {job.status}", where=job_id, next_command="narrowcast jobs list")
        client.update_workflow_attributes(job_id, {"paused": request.pause})
        client.cancel_workflow(job_id)
    code, verb = ("job_paused", "paused") if request.pause else ("job_cancelled", "cancelled")
    emit(settings, job.request.project, code, f"{job_id} was {verb}", {"job": job_id})
    return find_job(settings, job_id)


def resume(settings: Settings, request: ResumeRequest) -> Job:
    """Continue a paused, cancelled, failed or interrupted job; finished steps are not repeated.

    Raises:
        DataError: if there is no such job.
        UsageError: if it runs, waits, or has finished.
    """
    job_id = request.job
    with queue_client(settings) as client:
        job = _job(settings, _status(client, job_id))
        if job.status == "failed":
            # A step that failed has an outcome; it and what follows is forgotten.
            client.rewind_workflow(
                job_id, start_step=job.state.step + 1, application_version=VERSION, queue_name=QUEUE
            )
        elif job.status in ("paused", "cancelled"):
            client.update_workflow_attributes(job_id, {})
            client.resume_workflow(job_id, queue_name=QUEUE)
        elif job.status != "interrupted":  # a worker takes those up by itself
            raise UsageError(
                f"the job is {job.status}", where=job_id, next_command=f"narrowcast jobs show {job_id}"
            )
    emit(settings, job.request.project, "job_resumed", f"{job_id} continues", {"job": job_id})
    if request.worker:
        start_worker(settings)
    return find_job(settings, job_id)


def _status(client: Any, job_id: str) -> Any:
    matches = client.list_workflows(workflow_ids=[job_id], name=WORKFLOW)
    if not matches:
        raise unknown(job_id)
    return matches[0]


def _job(settings: Settings, workflow: Any) -> Job:
    files = JobFiles.of(settings, workflow.workflow_id)
    request = JobRequest.model_validate(workflow.input["args"][0])
    state = files.state()
    if workflow.status == "ERROR" and state.error is None:
        state.error = {"reason_code": "job_failed", "message": str(workflow.error)}
    return Job(
        id=workflow.workflow_id,
        status=_named(settings, files, workflow),
        request=request,
        submitted=datetime.fromtimestamp((workflow.created_at or 0) / 1000, UTC).isoformat(
            timespec="seconds"
        ),
        state=state,
        progress=files.progress(),
        log=str(files.log),
    )


def _named(settings: Settings, files: JobFiles, workflow: Any) -> Status:
    if workflow.status in ("ENQUEUED", "DELAYED"):
        return "queued"
    if workflow.status == "SUCCESS":
        return "done"
    if workflow.status == "CANCELLED":
        if is_held(files.log):
            return "stopping"
        return "paused" if (workflow.attributes or {}).get("paused") else "cancelled"
    if workflow.status == "PENDING":
        return "running" if worker_lives(settings) else "interrupted"
    return "failed"
