"""Cleaning in a process of its own, with an id to poll: `registry/jobs/<job>.json` is its state.

The state is written whole or not at all, so it can be read at any moment. The child holds a lock on its log,
from before it runs until the kernel takes it away. A job whose lock nobody holds and that did not write its
end was interrupted; nothing of it was kept, and the same command starts it again.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from narrowcast.core.progress import CancelToken
from narrowcast.core.settings import Settings
from narrowcast.errors import CancelledError, DataError, NarrowcastError
from narrowcast.ops.data.clean import clean_source, shown_locator
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_json, write_json
from narrowcast.store.lock import is_held

_SECONDS = 1.0  # between two writes of the progress


class CleanRequest(BaseModel):
    """The arguments of `clean_source`."""

    locator: str
    options: dict[str, Any]
    base: str | None = None
    limit: int | None = None


class CleanJob(BaseModel):
    """The state of a job."""

    id: str
    request: CleanRequest
    status: Literal["running", "done", "failed", "cancelled", "interrupted"] = "running"
    pid: int | None = None
    phase: str = ""
    rows: int = 0
    report: str | None = None
    error: dict[str, str] | None = None


def start(project: Project, request: CleanRequest) -> CleanJob:
    """Start a process that outlives this one; returns at once."""
    # The state is a file to look at: a locator with a password goes to the child alone.
    shown = request.model_copy(update={"locator": shown_locator(request.locator)})
    job = CleanJob(id=f"job-{uuid.uuid4().hex[:8]}", request=shown)
    path = _path(project, job.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The child alone writes to the state from here on: with two writers the end of a short job could be lost.
    with _log(path).open("wb") as log:
        # The lock belongs to the open file, which the child has as its output.
        fcntl.flock(log, fcntl.LOCK_EX)
        _write(path, job)
        child = subprocess.Popen(
            [sys.executable, "-m", "narrowcast.ops.data.clean_job", str(project.settings.home), job.id],
            cwd=project.paths.root,
            env={
                **os.environ,
                "NARROWCAST_HOME": str(project.settings.home),
                "NARROWCAST_DATABASE_URL": project.settings.database_url,
                "NARROWCAST_PROJECT": str(project.id),
            },
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert child.stdin is not None
    with suppress(BrokenPipeError), child.stdin:  # one that died already is told by its lock
        child.stdin.write(request.model_dump_json().encode())
    # Nobody waits for it but the kernel, and a server that starts many must not gather dead ones.
    threading.Thread(target=child.wait, daemon=True).start()
    return job


def state(project: Project, job_id: str) -> CleanJob:
    """The job as it is now.

    Raises:
        DataError: where there is no such job.
    """
    path = _path(project, job_id)
    if path.parent != project.paths.jobs or not path.is_file():
        raise DataError(
            "there is no such job",
            where=job_id,
            next_command="narrowcast data cleanings, or data clean --background",
            reason_code="cleaning_unknown",
        )
    job = CleanJob.model_validate(read_json(path))
    if job.status == "running" and not is_held(_log(path)):
        # Its last words may have come between the two looks.
        job = CleanJob.model_validate(read_json(path))
        if job.status == "running":
            job.status = "interrupted"
    return job


def run(project: Project, job_id: str, request: CleanRequest, cancel: CancelToken) -> CleanJob:
    """Do the work of a job, in this process."""
    path = _path(project, job_id)
    job = CleanJob.model_validate(read_json(path))
    job.pid = os.getpid()
    _write(path, job)
    try:
        report = clean_source(
            project,
            request.locator,
            request.options,
            base=request.base,
            limit=request.limit,
            progress=_StateProgress(path, job),
            cancel=cancel,
        )
        job.status, job.report = "done", f"{report.folder}/report.json"
    except NarrowcastError as error:
        job.status = "cancelled" if isinstance(error, CancelledError) else "failed"
        job.error = error.to_dict()
    except BaseException as error:
        job.status, job.error = "failed", {"message": f"{type(error).__name__}: {error}"}
        raise
    finally:
        _write(path, job)
    return job


class _StateProgress:
    """Writes how far the job is into its state, once a second."""

    def __init__(self, path: Path, job: CleanJob) -> None:
        self._path = path
        self._job = job
        self._written = 0.0

    def start(self, description: str, total: int | None = None) -> None:  # noqa: ARG002 - the protocol
        """Begin a phase."""
        self._job.phase, self._job.rows = description, 0
        _write(self._path, self._job)

    def advance(self, units: int = 1, **fields: str | float) -> None:  # noqa: ARG002 - the protocol
        """Rows done."""
        self._job.rows += units
        if time.monotonic() - self._written > _SECONDS:
            self._written = time.monotonic()
            _write(self._path, self._job)

    def note(self, text: str) -> None:
        """A line in the job's log."""
        sys.stderr.write(f"{text}\n")

    def finish(self) -> None:
        """Nothing is to be taken down."""


def _path(project: Project, job_id: str) -> Path:
    return project.paths.jobs / f"{job_id}.json"


def _write(path: Path, job: CleanJob) -> None:
    write_json(path, job.model_dump(mode="json"))


def _log(state_path: Path) -> Path:
    return state_path.with_suffix(".log")


def main(arguments: list[str]) -> int:
    """The child: `HOME JOB`, and the request on standard input."""
    home, job_id = arguments
    request = CleanRequest.model_validate_json(sys.stdin.read())
    token = CancelToken()
    signal.signal(signal.SIGTERM, lambda _number, _frame: token.cancel())
    project = Project.open(Settings.from_environment(home=Path(home)))
    try:
        return 0 if run(project, job_id, request, token).status == "done" else 1
    finally:
        project.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
