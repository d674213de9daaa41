"""Checkpoints that count only when they are whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from narrowcast.store.files import read_json, write_json

_MARKER = "complete.json"


def mark_complete(folder: str, step: int) -> None:
    """Write the marker, with the size of every file, into `checkpoint-<step>`."""
    checkpoint = Path(folder) / f"checkpoint-{step}"
    sizes = {file.name: file.stat().st_size for file in sorted(checkpoint.iterdir()) if file.is_file()}
    write_json(checkpoint / _MARKER, {"step": step, "files": sizes})


def is_complete(checkpoint: Path) -> bool:
    """True where the marker exists and every file it names has its size."""
    marker = checkpoint / _MARKER
    if not marker.exists():
        return False
    files: dict[str, int] = read_json(marker)["files"]
    return all(
        (checkpoint / name).exists() and (checkpoint / name).stat().st_size == size
        for name, size in files.items()
    )


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint, or None."""
    checkpoints = [path for path in folder.glob("checkpoint-*") if path.is_dir() and is_complete(path)]
    return max(checkpoints, key=step_of, default=None)


def drop_incomplete(folder: Path) -> None:
    """Remove what a kill left half-written."""
    for path in folder.glob("checkpoint-*"):
        if not is_complete(path):
            shutil.rmtree(path)


def step_of(checkpoint: Path) -> int:
    """The step a checkpoint was written at."""
    return int(checkpoint.name.rpartition("-")[2])
