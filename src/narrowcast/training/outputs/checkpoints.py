"""Checkpoints that count only when they are whole, and are continued only when they are unedited.

The marker of a checkpoint holds the size and the SHA-256 of each file, and that of the best weights so far;
the trail names the marker (`store.seals`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.seal import Seal
from narrowcast.errors import WorkspaceError
from narrowcast.store.files import read_json, sha256_file
from narrowcast.store.seals import (
    has_trail,
    matches,
    require_unedited,
    sealed,
    under_way,
    way_out,
    write_sealed_json,
)

BEST = "best.safetensors"
"""Beside the folder of checkpoints: the weights of the evaluation that was best."""

_MARKER = "complete.json"


def mark_complete(folder: str, step: int, seal: Seal) -> None:
    """Write the marker, with what every file holds, into `checkpoint-<step>`; `seal` takes its own hash."""
    checkpoint = Path(folder) / f"checkpoint-{step}"
    files, best = _files(checkpoint), Path(folder).parent / BEST
    marker = {
        "step": step,
        "files": {name: file.stat().st_size for name, file in files.items()},
        "sha256": {name: sha256_file(file) for name, file in files.items()},
        "best": sha256_file(best) if best.exists() else "",
    }
    write_sealed_json(checkpoint / _MARKER, marker, seal)


def require_unedited_checkpoint(project: ProjectPaths, checkpoint: Path) -> None:
    """Refuse to continue from files that are not those that training wrote.

    Raises:
        WorkspaceError: `system_file_edited`, also for a checkpoint of an older version, which kept no hashes.
    """
    path, best = checkpoint / _MARKER, checkpoint.parent.parent / BEST
    require_unedited(project, path)
    marker, files = read_json(path), _files(checkpoint)
    hashes: dict[str, str] = marker.get("sha256") or {}
    if not hashes:
        what = (
            "an older version wrote this checkpoint without hashes, so nobody can tell whether it was edited"
        )
        raise _edited(project, path, what)
    # A project has a trail; the folder of a rerun has none.
    if has_trail(project) and not _named(project, path):
        raise _edited(project, path, "no event tells that this checkpoint was written")
    for name in sorted(hashes.keys() | files.keys()):
        if name not in files or not matches(files[name], {hashes.get(name, "")}):
            raise _edited(
                project, checkpoint / name, "this file of the checkpoint was edited, added or removed"
            )
    if marker["best"] and not best.exists():
        raise _edited(project, best, "the best weights so far are gone")
    if best.exists() and not matches(best, {marker["best"], *_named(project, best)}):
        raise _edited(project, best, "the best weights so far were edited or replaced")


def _files(checkpoint: Path) -> dict[str, Path]:
    """By name relative to the folder; the marker and hidden files aside."""
    files = {
        each.relative_to(checkpoint).as_posix(): each for each in checkpoint.rglob("*") if each.is_file()
    }
    return {name: file for name, file in sorted(files.items()) if name != _MARKER and file.name[0] != "."}


def _named(project: ProjectPaths, path: Path) -> set[str]:
    """What the newest event, and stages that have not ended, say that a file holds."""
    known, noted = sealed(project, path), under_way(project).get(project.relative(path), set())
    return noted | ({known.sha256} if known else set())


def _edited(project: ProjectPaths, path: Path, what: str) -> WorkspaceError:
    return WorkspaceError(
        what,
        where=str(path),
        next_command=f"restore it from a backup, or {way_out(project, project.relative(path))}",
        reason_code="system_file_edited",
    )


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


def peak_rate(checkpoint: Path) -> float:
    """The peak learning rate of the schedule that a checkpoint continues."""
    import torch

    schedule = torch.load(checkpoint / "scheduler.pt", weights_only=True)
    return float(schedule["base_lrs"][0])
