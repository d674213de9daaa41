"""What a killed process left behind: files and folders under temporary names, and their one sweep.

A temporary name says which process made it, so that what a living process is writing stays:

    .NAME.PID-TOKEN.RANDOM.part    to become NAME
    .NAME.PID-TOKEN.RANDOM.old     was NAME, until its successor has taken the place

Scratch folders, outside every project, are named likewise: `narrowcast-PURPOSE-PID-TOKEN-RANDOM`.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from narrowcast.core.paths import ProjectPaths

_TOKEN = secrets.token_hex(4)  # after a restart of a container another process may have the same number
_LEFT = re.compile(
    r"\.(?P<name>.+?)(?:\.(?P<pid>\d+)-(?P<token>[0-9a-f]{8}))?\.[a-z0-9_]{8}\.(?P<kind>part|old)"
)
_INCOMING = re.compile(r"\.incoming(\.jsonl|\.old)?")
_SCRATCH = re.compile(r"narrowcast-[a-z]+-(?P<pid>\d+)-(?P<token>[0-9a-f]{8})-\w+")


def mark(name: str) -> str:
    """The beginning of a temporary name for `name`."""
    return f".{name}.{os.getpid()}-{_TOKEN}."


def hidden_beside(path: Path) -> Path:
    """A temporary name in the folder of `path`, for what is to become it."""
    return path.with_name(f"{mark(path.name)}{secrets.token_hex(4)}.part")


def is_leftover(name: str) -> bool:
    """Whether a file or folder has a temporary name."""
    return bool(_LEFT.fullmatch(name) or _INCOMING.fullmatch(name))


def sweep(project: ProjectPaths, outside: Path | None = None) -> list[Path]:
    """Remove what no living process writes; put back what was moved away and has no successor.

    The caller holds the project's lock. Scratch folders of killed processes go too, whatever project they
    worked on.

    Args:
        project: whose folder is swept.
        outside: a file of the project that lies elsewhere, such as the workspace's memory of its trail.

    Returns:
        What was removed or put back.
    """
    _sweep_scratch()
    swept = []
    for path in [*_left_in(project.root), *(_left_beside(outside) if outside else [])]:
        match = _LEFT.fullmatch(path.name)
        if match and _is_writing(match["pid"], match["token"]):
            continue
        target = path.with_name(match["name"]) if match and match["kind"] == "old" else None
        if target is not None and not target.exists():
            path.replace(target)
        else:
            _remove(path)
        swept.append(path)
    return swept


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A folder outside every project, gone when the block ends; those of killed processes go first.

    Args:
        purpose: a word for its name, in lower-case letters.
    """
    _sweep_scratch()
    with tempfile.TemporaryDirectory(prefix=f"narrowcast-{purpose}-{os.getpid()}-{_TOKEN}-") as name:
        yield Path(name)


def _sweep_scratch() -> None:
    for path in Path(tempfile.gettempdir()).glob("narrowcast-*"):
        match = _SCRATCH.fullmatch(path.name)
        if match and not _is_writing(match["pid"], match["token"]):
            with suppress(OSError):  # of another user
                _remove(path)


def _left_beside(path: Path) -> list[Path]:
    """Temporary files that were to become a file, or were it."""
    return [
        each
        for each in path.parent.glob(f".{path.name}.*")
        if (match := _LEFT.fullmatch(each.name)) and match["name"] == path.name
    ]


def _left_in(root: Path) -> list[Path]:
    """Temporary files and folders below `root`; what lies in such a folder is part of it."""
    left = []
    for folder, below, names in os.walk(root):
        hidden = [name for name in [*below, *names] if name.startswith(".")]
        left += [Path(folder, name) for name in hidden if is_leftover(name)]
        below[:] = [name for name in below if not name.startswith(".")]
    return left


def _is_writing(pid: str | None, token: str | None) -> bool:
    """Whether the process of a temporary name lives; one with our number is ours by its token alone."""
    if pid is None or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return token == _TOKEN
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
