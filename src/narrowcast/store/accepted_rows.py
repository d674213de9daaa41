"""The accepted rows of a project, read once in their order, and any of them again by its number."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from types import TracebackType

from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.store.files import decoded_line
from narrowcast.store.import_rows import checked_path

_MOST_OPEN = 64  # files: a process may have 256 in all on some systems


class AcceptedRows:
    """Rows of imports, of which only the places in their files are kept: twelve bytes a row.

    Iterate over it once; rows can then be read again, as they were: of many imports, a file that was closed
    meanwhile is compared with its record once more if it is not the one that was read. Use as a context
    manager.

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
        self._read_records: list[ImportRecord] = []
        self._states: list[tuple[int, ...]] = []  # of the file of each
        self._firsts: list[int] = []  # number of the first row of each file
        self._open: OrderedDict[int, int] = OrderedDict()  # descriptors, by the file, the last used one last
        self._starts, self._lengths = array("Q"), array("I")

    def __enter__(self) -> AcceptedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Example]:
        """Every row.

        Raises:
            DataError: if a file is gone or was changed.
            CancelledError: on request.
        """
        for record in self._records:
            yield from self._read(record)

    def _read(self, record: ImportRecord) -> Iterator[Example]:
        with checked_path(self._project, record, self._cancel).open("rb") as file:
            self._keep(len(self._firsts), os.dup(file.fileno()))
            self._read_records.append(record)
            self._states.append(_state(os.fstat(file.fileno())))
            self._firsts.append(len(self))
            start = 0
            for line in stoppable(file, self._cancel):
                if line.endswith(b"\n"):
                    self._starts.append(start)
                    self._lengths.append(len(line))
                    yield Example.from_dict(decoded_line(line))
                start += len(line)

    def again(self, number: int) -> Example:
        """The row with this number, counted from 0 over all imports.

        Raises:
            DataError: if its file was closed, and is gone or was changed since.
        """
        file = bisect_right(self._firsts, number) - 1
        line = os.pread(self._descriptor(file), self._lengths[number], self._starts[number])
        return Example.from_dict(decoded_line(line))

    def _descriptor(self, file: int) -> int:
        if file in self._open:
            self._open.move_to_end(file)
            return self._open[file]
        record = self._read_records[file]
        path = self._project.accepted / f"{record.id}.jsonl"
        if not path.exists() or _state(path.stat()) != self._states[file]:
            path = checked_path(self._project, record, self._cancel)
            self._states[file] = _state(path.stat())
        return self._keep(file, os.open(path, os.O_RDONLY))

    def _keep(self, file: int, descriptor: int) -> int:
        self._open[file] = descriptor
        if len(self._open) > _MOST_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor


def _state(stat: os.stat_result) -> tuple[int, ...]:
    """What tells a file from one that took its place."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
