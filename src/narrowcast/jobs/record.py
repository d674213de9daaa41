"""What a job is, and the files that belong to one: `jobs/<job>/` below the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from narrowcast.core.settings import Settings
from narrowcast.errors import DataError
from narrowcast.store.files import read_json

Status = Literal[
    "queued", "running", "stopping", "interrupted", "paused", "cancelled", "done", "failed"
]  # fmt: skip


class JobRequest(BaseModel):
    """What is to be run.

    Attributes:
        project: number of the project, in whose trail the job's events stand.
        commands: one command line a step, without the program's name.
        retries: how often a step whose process died is started again.
        schedule: the schedule that submitted it.
    """

    project: int
    commands: list[list[str]]
    retries: int = 0
    schedule: str | None = None


class StepState(BaseModel):
    """`state.json`: the step at work, written by the worker each second.

    Attributes:
        step: from 0.
        attempts: processes started for this step so far, earlier workers included.
        heartbeat: UTC; a running job whose heartbeat is old has lost its worker.
        outcomes: exit code and what the command printed, of each finished step.
    """

    step: int = 0
    attempts: int = 0
    pid: int | None = None
    heartbeat: str | None = None
    outcomes: list[dict[str, Any]] = Field(default_factory=list)
    error: dict[str, Any] | None = None


class JobProgress(BaseModel):
    """`progress.json`: how far the command is, written by its own process."""

    phase: str = ""
    done: int = 0
    total: int | None = None
    figures: dict[str, str | float] = Field(default_factory=dict)


class Job(BaseModel):
    """A job as it is now."""

    id: str
    status: Status
    request: JobRequest
    submitted: str
    state: StepState
    progress: JobProgress
    log: str


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The files of one job."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings, job_id: str) -> JobFiles:
        """The folder of a job; an id is a plain name, never a path."""
        if not job_id.replace("-", "").replace("_", "").isalnum():
            raise unknown(job_id)
        return cls(settings.home / "jobs" / job_id)

    @property
    def log(self) -> Path:
        """What the command wrote; its process holds a lock on this file."""
        return self.folder / "log"

    @property
    def output(self) -> Path:
        """What the command of the current step printed with `--json`."""
        return self.folder / "output.json"

    @property
    def state_path(self) -> Path:
        """Of `StepState`."""
        return self.folder / "state.json"

    @property
    def progress_path(self) -> Path:
        """Of `JobProgress`."""
        return self.folder / "progress.json"

    def state(self) -> StepState:
        """The step at work; a new one where none began."""
        return (
            StepState.model_validate(read_json(self.state_path)) if self.state_path.exists() else StepState()
        )

    def progress(self) -> JobProgress:
        """How far the command is."""
        if not self.progress_path.exists():
            return JobProgress()
        return JobProgress.model_validate(read_json(self.progress_path))


def unknown(job_id: str) -> DataError:
    """There is no such job."""
    return DataError(
        "there is no such job",
        where=job_id,
        next_command="narrowcast jobs list",
        reason_code="job_unknown",
    )
