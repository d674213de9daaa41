"""`registry/test_looks.jsonl`: each access to test and golden rows; it weakens every later figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.store.datasets import read_manifest, read_split
from narrowcast.store.files import append_jsonl, read_jsonl

COUNTED = (Split.TEST, Split.GOLDEN)
"""Splits whose every access makes the next figure a little less honest."""


def record_access(
    project: ProjectPaths, manifest: DatasetManifest, split: Split, run: str, models: Sequence[str]
) -> int:
    """Note an access to a counted split, and return how many there were to its rows, this one included.

    Accesses to another version count where at least half of today's rows were in its split: preparing again
    does not make rows unseen. 0 for a split that is not counted.
    """
    if split not in COUNTED:
        return 0
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset_version": manifest.version,
        "split": split.value,
        "run": run,
        "models": list(models),
    }
    path = project.registry / "test_looks.jsonl"
    append_jsonl(path, line)
    accessed = [each["dataset_version"] for each in read_jsonl(path) if each["split"] == split.value]
    with_rows = _versions_with_the_rows(project, manifest, split, set(accessed))
    return sum(version in with_rows for version in accessed)


def _versions_with_the_rows(
    project: ProjectPaths, manifest: DatasetManifest, split: Split, versions: Iterable[str]
) -> set[str]:
    same = {manifest.version}
    today: set[str] | None = None
    for version in sorted(set(versions) - same):
        former = read_manifest(project, short(version))
        if former is None or split not in former.splits:
            continue
        if former.splits[split].sha256 != manifest.splits[split].sha256:
            today = today if today is not None else _rows(project, manifest, split)
            try:
                shared = len(today & _rows(project, former, split))
            except DataError:
                shared = len(today)  # damaged: one access too many counted is the lesser mistake
            if 2 * shared < len(today):
                continue
        same.add(version)
    return same


def _rows(project: ProjectPaths, manifest: DatasetManifest, split: Split) -> set[str]:
    return {example.hash for example in read_split(project, manifest, split)}
