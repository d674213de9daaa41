"""Whole folders: their size, a copy that is compared with its original, and their removal."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.files import disk_errors

_BLOCK = 1 << 20


def plain_path(path: Path) -> Path:
    """Absolute, without `~` and `..`, so that it does not depend on a folder it only passes through."""
    whole = path.expanduser().absolute()
    return whole.resolve() if ".." in whole.parts else whole


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every file with its bytes; links are not followed and count as nothing."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            status = path.lstat()
            yield path, status.st_size if stat.S_ISREG(status.st_mode) else 0


def copy_checked(source: Path, target: Path, done: Callable[[int], None]) -> None:
    """Copy a folder into a new one, and read each copy again to compare it. Links are copied as links.

    Args:
        source: what is copied.
        target: does not exist.
        done: called with the bytes of each file.

    Raises:
        DataError: if a copy differs, or for what is neither a file nor a link.
        WorkspaceError: if the disk refuses.
    """
    with disk_errors(target):
        target.mkdir(parents=True)
        for place, folders, names in os.walk(source):
            here = target / Path(place).relative_to(source)
            for name in [*folders, *names]:
                original, copy = Path(place, name), here / name
                mode = original.lstat().st_mode
                if stat.S_ISLNK(mode):
                    copy.symlink_to(original.readlink())
                elif stat.S_ISDIR(mode):
                    copy.mkdir()
                elif stat.S_ISREG(mode):
                    _copy(original, copy)
                    done(original.stat().st_size)
                else:
                    raise DataError(
                        "only files, folders and links can be copied",
                        where=str(original),
                        reason_code="system_path_invalid",
                    )


def require_room(folder: Path, size: int, what: str) -> None:
    """Refuse what does not fit on the disk.

    Args:
        folder: where it is to be; need not exist.
        size: bytes.
        what: is written, for the message.

    Raises:
        WorkspaceError: `system_disk_short`.
    """
    place = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(place).free
    if size > free:
        raise WorkspaceError(
            f"{what} takes {size / 1e9:,.2f} GB, and {free / 1e9:,.2f} GB are free",
            where=str(place),
            reason_code="system_disk_short",
        )


def _copy(original: Path, copy: Path) -> None:
    with original.open("rb") as reader, copy.open("xb") as writer:
        before = _stream(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())
    shutil.copystat(original, copy)
    with copy.open("rb") as reader:
        if _stream(reader, None) != before:
            raise DataError(
                "the copy differs from its original",
                where=str(copy),
                next_command="narrowcast doctor",
                reason_code="system_io_error",
            )


def _stream(reader: IO[bytes], writer: IO[bytes] | None) -> bytes:
    digest = hashlib.sha256()
    while block := reader.read(_BLOCK):
        digest.update(block)
        if writer is not None:
            writer.write(block)
    return digest.digest()
