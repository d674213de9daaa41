"""The accepted rows of a project, read once in their order, and any of them again by its number."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.store.files import decoded_line
from narrowcast.store.import_rows import checked_path


class AcceptedRows:
    """Rows of imports, of which only the places in their files are kept: twelve bytes a row.

    Iterate over it once; rows can then be read again. The files stay open, so that they are read as they
    were, even if others take their places meanwhile. Use as a context manager.

    Args:
        project: whose.
        records: the imports, in the order of their rows.
        cancel: stops the iteration.
    """

    def __init__(
        self, project: ProjectPaths, records: Iterable[ImportRecord], cancel: CancelToken = UNSTOPPABLE
    ) -> None:
        self._project = project
        self._records = records
        self._cancel = cancel
        self._files = ExitStack()
        self._descriptors: list[int] = []
        self._firsts: list[int] = []  # number of the first row of each file
        self._starts, self._lengths = array("Q"), array("I")

    def __enter__(self) -> AcceptedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Example]:
        """Every row.

        Raises:
            DataError: if a file is gone or was changed.
            CancelledError: on request.
        """
        for record in self._records:
            yield from self._read(checked_path(self._project, record, self._cancel))

    def _read(self, path: Path) -> Iterator[Example]:
        file = self._files.enter_context(path.open("rb"))
        self._descriptors.append(file.fileno())
        self._firsts.append(len(self))
        start = 0
        for line in stoppable(file, self._cancel):
            if line.endswith(b"\n"):
                self._starts.append(start)
                self._lengths.append(len(line))
                yield Example.from_dict(decoded_line(line))
            start += len(line)

    def again(self, number: int) -> Example:
        """The row with this number, counted from 0 over all imports."""
        file = bisect_right(self._firsts, number) - 1
        line = os.pread(self._descriptors[file], self._lengths[number], self._starts[number])
        return Example.from_dict(decoded_line(line))
