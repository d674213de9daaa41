"""Stage records as a finished stage leaves them."""

from __future__ import annotations

from typing import Any

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.stage_records import StageRecord, save_record, set_current


def stage_record(stage: str, run_id: str, result: dict[str, Any] | None = None) -> StageRecord:
    """A record whose key fits nothing, so the stage is stale."""
    return StageRecord(
        stage=stage,
        key="0" * 64,
        run_id=run_id,
        options={},
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:00+00:00",
        code_version="0",
        result=result or {},
    )


def set_current_run(project: ProjectPaths, run_id: str) -> None:
    """Make a training run current that left nothing but its record."""
    save_record(project, stage_record("train", run_id), keep_each=True)
    set_current(project, "train", run_id)
