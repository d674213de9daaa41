"""Rows of a stream, asked for once: a second pass reads what the first one kept on the disk.

An import looks at a source before it keeps it. A data base or a hub may answer otherwise the second time, and
a hub would send everything again.
"""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from narrowcast.core.row import SourceRow
from narrowcast.store.files import disk_errors, json_line

_BLOCK = 1 << 18


class Spool:
    """Keeps rows in a file without a name, which is gone when the process ends, however it ends.

    Args:
        folder: where the file lies.
        read: gives the rows of the source from a record number on.
    """

    def __init__(self, folder: Path, read: Callable[[int], Iterator[SourceRow]]) -> None:
        self._folder = folder
        self._read = read
        self._file: IO[bytes] | None = None
        self._count = 0
        self._complete = False

    def rows(self) -> Iterator[SourceRow]:
        """The kept rows, then those of the source that are not kept yet."""
        with disk_errors(self._folder):
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - outlives this pass
                weakref.finalize(self, self._file.close)
        yield from self._kept(self._file)
        if self._complete:
            return
        for row in self._read(self._count):
            if row.index == self._count:  # not, where another pass kept it meanwhile
                with disk_errors(self._folder):
                    self._file.write(json_line(row.to_dict()))
                self._count += 1
            yield row
        self._complete = True

    def _kept(self, file: IO[bytes]) -> Iterator[SourceRow]:
        file.flush()
        offset, end, rest = 0, os.fstat(file.fileno()).st_size, b""
        while offset < end:
            block = os.pread(file.fileno(), min(_BLOCK, end - offset), offset)
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield SourceRow.from_dict(json.loads(line.decode("utf-8", "surrogatepass")))
