"""Records of finished stage runs, and the marker of the one that is running.

registry/stages/<stage>.json              the last run of a stage with one result per project
registry/stages/<stage>/<subject>.json    the last run for each subject (an import per source)
registry/stages/<stage>/<run id>.json     every run of a stage that keeps each (training) ...
registry/stages/<stage>/current           ... and which of them is current
registry/running/<stage>.json             the run under way; a leftover means that its process died
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.concerns import Concern
from narrowcast.core.hashing import sha256_hex, short
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.seal import Seal, seal_nothing
from narrowcast.errors import DataError
from narrowcast.reasons import StageName
from narrowcast.store.files import Form, read_json_as, write_json, write_text
from narrowcast.store.seals import require_unedited, write_sealed_json


class StageRecord(BaseModel):
    """A finished run of a stage: what it was asked, when, and what it returned."""

    stage: str
    key: str
    """SHA-256 over stage, version, options and inputs."""
    run_id: str
    subject: str = ""
    options: dict[str, Any]
    started: str
    finished: str
    code_version: str
    result: dict[str, Any]

    @property
    def artifacts(self) -> list[str]:
        """Files and folders the run wrote, relative to the project."""
        found: list[str] = self.result.get("artifacts", [])
        return found


class RunningStage(BaseModel):
    """`registry/running/<stage>.json`: written before a run begins, removed after its terminal event."""

    stage: str
    event_stage: StageName
    run_id: str
    parent: str | None = None
    started: str
    after: int = 0
    """Number of the newest event before the run's first."""
    ending: int | None = None
    """Number of the newest event before the run's terminal one; None while it runs."""
    concerns: list[Concern] | None = None
    """What the run holds alone while its process lives; None: the whole project."""
    process: int = 0
    """Which process runs it; 0 in markers of older versions."""
    written: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the files that the run has written or was about to write, by name below the project."""


def record_path(project: ProjectPaths, stage: str, subject: str = "", run_id: str = "") -> Path:
    """Where a record is: by stage alone, by its subject, or by its run."""
    if run_id:
        return project.stage_records / stage / f"{run_id}.json"
    if subject:
        return project.stage_records / stage / f"{short(sha256_hex(subject.encode()))}.json"
    return project.stage_records / f"{stage}.json"


def load_record(project: ProjectPaths, stage: str, subject: str = "", run_id: str = "") -> StageRecord | None:
    """A record; None where there is none that can be read, so that its stage runs again.

    Raises:
        WorkspaceError: `system_file_edited`, if it is not the one that the runner wrote.
    """
    path = record_path(project, stage, subject, run_id)
    record = _read(path, StageRecord)
    if record is not None:
        require_unedited(project, path)
    return record


def has_record(project: ProjectPaths, marker: RunningStage) -> bool:
    """Whether a run that was marked as under way has left its record."""
    kept = [_read(record_path(project, marker.stage), StageRecord), *records(project, marker.stage)]
    return any(each and each.run_id == marker.run_id and each.started >= marker.started for each in kept)


def records(project: ProjectPaths, stage: str) -> Iterator[StageRecord]:
    """Every record of a stage with several, ordered by file name; they are not compared with the trail."""
    folder = project.stage_records / stage
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        record = _read(path, StageRecord)
        if record is not None:
            yield record


def save_record(
    project: ProjectPaths, record: StageRecord, *, keep_each: bool = False, seal: Seal = seal_nothing
) -> None:
    """Keep the record of a finished run."""
    path = record_path(project, record.stage, record.subject, record.run_id if keep_each else "")
    write_sealed_json(path, record.model_dump(mode="json"), seal)


def remove_record(project: ProjectPaths, stage: str, subject: str = "") -> None:
    """Forget the last run of a stage on a subject."""
    record_path(project, stage, subject).unlink(missing_ok=True)


def current_record(project: ProjectPaths, stage: str) -> StageRecord | None:
    """The current run of a stage that keeps each; None where none is, or its record is gone."""
    path = project.stage_records / stage / "current"
    run_id = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    return load_record(project, stage, run_id=run_id) if run_id else None


def set_current(project: ProjectPaths, stage: str, run_id: str) -> None:
    """Make a kept run the current one."""
    write_text(project.stage_records / stage / "current", f"{run_id}\n")


def running_stages(project: ProjectPaths) -> list[RunningStage]:
    """The markers of runs that have not ended; one whose concerns nobody holds is of a process that died."""
    former = project.registry / "running.json"  # of versions in which one stage ran at a time
    markers = [_read(path, RunningStage) for path in (former, *sorted(project.running.glob("*.json")))]
    return [each for each in markers if each is not None]


def write_running(project: ProjectPaths, running: RunningStage) -> None:
    """Mark a run as under way."""
    write_json(project.running / f"{running.stage}.json", running.model_dump(mode="json"))


def clear_running(project: ProjectPaths, stage: str) -> None:
    """The run has its terminal event."""
    (project.running / f"{stage}.json").unlink(missing_ok=True)
    (project.registry / "running.json").unlink(missing_ok=True)


def _read(path: Path, form: type[Form]) -> Form | None:
    if not path.exists():
        return None
    try:
        return read_json_as(path, form)
    except DataError:  # damaged, or of an older version
        return None
