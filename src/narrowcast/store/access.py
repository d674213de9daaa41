"""`registry/test_looks.jsonl`: each access to test and golden rows; it weakens every later figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.store.files import append_jsonl, read_jsonl


def record_access(project: ProjectPaths, version: str, split: Split, run: str, models: Sequence[str]) -> int:
    """Note an access to a split of a data-set version; returns how many there were, this one included."""
    path = project.registry / "test_looks.jsonl"
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset_version": version,
        "split": split.value,
        "run": run,
        "models": list(models),
    }
    append_jsonl(path, line)
    same = (version, split.value)
    return sum((each["dataset_version"], each["split"]) == same for each in read_jsonl(path))
