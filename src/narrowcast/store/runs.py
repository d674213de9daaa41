"""Training runs: the index of finished ones, and which of them is current.

The current run is what `eval`, `export` and `serve` take where none is named. Only training moves the
pointer: searches and repetitions train beside it.
"""

from __future__ import annotations

import shutil
from typing import Any

from narrowcast.core.concerns import Concern
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import FinishedRun
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.files import append_jsonl, read_json, read_jsonl_as, write_json
from narrowcast.store.lock import process_holding
from narrowcast.store.stage_records import StageRecord, current_record, running_stages

TRAIN = "train"


def current_run(project: ProjectPaths) -> StageRecord | None:
    """The record of the current training run; None where nothing was trained."""
    return current_record(project, TRAIN)


def finished_runs(project: ProjectPaths) -> list[FinishedRun]:
    """The index, `registry/runs.jsonl`: every finished run, oldest first.

    Raises:
        WorkspaceError: if the file was damaged by hand.
    """
    try:
        return read_jsonl_as(project.run_index, FinishedRun)
    except DataError as error:
        raise WorkspaceError(
            f"the index of runs cannot be read: {error.what}",
            where=error.where,
            next_command="restore the file from a backup; the runs themselves are in outputs/adapters",
        ) from error


def index_run(project: ProjectPaths, run: FinishedRun) -> None:
    """Add a finished run to the index; the same run repeated to the same weights is one run."""
    same = (run.run_id, run.weights_sha256)
    if not any((each.run_id, each.weights_sha256) == same for each in finished_runs(project)):
        append_jsonl(project.run_index, run.model_dump(mode="json"))


def note_unfinished(project: ProjectPaths, run_id: str, note: dict[str, Any]) -> None:
    """Remember what a run was asked for, so that an interrupted one can be listed and resumed."""
    write_json(project.unfinished_note(run_id), note)


def note_steps(project: ProjectPaths, run_id: str, steps: int) -> None:
    """The run is to have another number of steps than it was noted with; nothing where there is no note."""
    path = project.unfinished_note(run_id)
    if path.exists():
        write_json(path, {**read_json(path), "steps": steps})


def note_finished(project: ProjectPaths, run_id: str) -> None:
    """The run is over, and nobody continues it."""
    project.unfinished_note(run_id).unlink(missing_ok=True)


def discard_unfinished(project: ProjectPaths, run_id: str) -> None:
    """Remove what an interrupted run has left: checkpoints, trace, picture, and last its note.

    The caller holds training. That, and why, the weights of a former run of this name were removed stays.
    """
    folder, note = project.runs / run_id, project.unfinished_note(run_id)
    for path in folder.iterdir():
        if path in (note, project.dropped_note(run_id)):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    project.forced_note(run_id).unlink(missing_ok=True)
    note.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def process_training(project: ProjectPaths, run_id: str) -> int:
    """The living process that trains a run now; 0 where none does."""
    process = process_holding(project.registry, Concern.TRAINING)
    trained = {each.process for each in running_stages(project) if each.run_id == run_id}
    return process if process in trained else 0


def unfinished_runs(project: ProjectPaths) -> dict[str, dict[str, Any]]:
    """The notes of runs that began and have not ended, by run id; the newest first. Some may run now."""
    paths = (project.unfinished_note(each.name) for each in project.runs.glob("*"))
    notes = {path.parent.name: read_json(path) for path in paths if path.exists()}
    return dict(sorted(notes.items(), key=lambda item: str(item[1]["started"]), reverse=True))
