"""Training runs: the index of finished ones, and which of them is current.

The current run is what `eval`, `export` and `serve` take where none is named. Only training moves the
pointer: searches and repetitions train beside it.
"""

from __future__ import annotations

from pydantic import ValidationError

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import FinishedRun
from narrowcast.errors import WorkspaceError
from narrowcast.store.files import append_jsonl, read_jsonl
from narrowcast.store.stage_records import StageRecord, current_record

TRAIN = "train"


def current_run(project: ProjectPaths) -> StageRecord | None:
    """The record of the current training run; None where nothing was trained."""
    return current_record(project, TRAIN)


def finished_runs(project: ProjectPaths) -> list[FinishedRun]:
    """The index, `registry/runs.jsonl`: every finished run, oldest first.

    Raises:
        WorkspaceError: where the file was damaged by hand.
    """
    if not project.run_index.exists():
        return []
    try:
        return [FinishedRun.model_validate(line) for line in read_jsonl(project.run_index)]
    except (ValidationError, ValueError) as error:
        raise WorkspaceError(
            f"the index of runs is damaged: {str(error).splitlines()[0]}",
            where=str(project.run_index),
            next_command="restore the file from a backup; the runs themselves are in outputs/adapters",
        ) from error


def index_run(project: ProjectPaths, run: FinishedRun) -> None:
    """Add a finished run to the index; the same run repeated to the same weights is one run."""
    same = (run.run_id, run.weights_sha256)
    if not any((each.run_id, each.weights_sha256) == same for each in finished_runs(project)):
        append_jsonl(project.run_index, run.model_dump(mode="json"))
