"""Why a file could not be written: what libraries bury in messages of their own.

safetensors quotes the operating system; torch says "file write failed" and no more, so the disk is asked.
"""

from __future__ import annotations

import errno
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_VAGUE = ("PytorchStreamWriter failed", "file write failed", "unexpected pos")
_PROBE_BYTES = 1 << 20  # bytes written to learn whether there is room


def why_no_room(error: BaseException, folder: Path) -> int | None:
    """One of `NO_ROOM` where a write failed for want of room, else None.

    Args:
        error: what was raised; its causes are read too.
        folder: that was written into, with what the failed write left there.
    """
    vague = False
    for each in _chain(error):
        if isinstance(each, OSError) and each.errno in NO_ROOM:
            return each.errno
        text = str(each)
        for number in NO_ROOM:
            if f"(os error {number})" in text or os.strerror(number) in text:
                return number
        vague = vague or any(mark in text for mark in _VAGUE)
    return _ask(folder) if vague else None


def _ask(folder: Path) -> int | None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(_PROBE_BYTES))
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno if error.errno in NO_ROOM else None
    # There is room, so what stopped the write was how large one file may be.
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else errno.EFBIG


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
