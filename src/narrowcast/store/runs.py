"""Training runs: the index of finished ones, and which of them is current.

The current run is what `eval`, `export` and `serve` take where none is named. Only training moves the
pointer: searches and repetitions train beside it.
"""

from __future__ import annotations

from typing import Any

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.files import append_jsonl, read_jsonl
from narrowcast.store.stage_records import StageRecord, current_record

TRAIN = "train"


def current_run(project: ProjectPaths) -> StageRecord | None:
    """The record of the current training run; None where nothing was trained."""
    return current_record(project, TRAIN)


def finished_runs(project: ProjectPaths) -> list[dict[str, Any]]:
    """The index, `registry/runs.jsonl`: every finished run, oldest first."""
    return list(read_jsonl(project.run_index)) if project.run_index.exists() else []


def index_run(project: ProjectPaths, line: dict[str, Any]) -> None:
    """Add a finished run to the index; the same run repeated to the same weights is one run."""
    same = (line["run_id"], line["weights_sha256"])
    if not any((each["run_id"], each["weights_sha256"]) == same for each in finished_runs(project)):
        append_jsonl(project.run_index, line)
