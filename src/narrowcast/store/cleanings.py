"""Cleaned sources on disk. A folder `data/cleaned/<id>` holds one cleaning, and is whole or absent.

    original.jsonl   the source's rows as they came, where they are kept
    cleaned.jsonl    the rows that stay, to be imported
    chunks.jsonl     their texts, cut into chunks
    metadata.jsonl   hashes, language, quality, changes and findings of each row
    rejected.jsonl   the other rows, with their reasons
    report.json      the totals

The id is a hash of the rows and the options. Only whoever holds the project's lock writes here.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.core.work import Work
from narrowcast.errors import DataError
from narrowcast.store.files import (
    atomic_folder,
    count_lines,
    disk_errors,
    json_lines,
    read_json_as,
    read_jsonl,
    write_json,
)
from narrowcast.store.leftovers import scratch_folder
from narrowcast.store.source_rows import StoredRows, read_source_rows, write_source_rows

_ORIGINALS = "original.jsonl"
_REPORT = "report.json"
_INCOMING = ".incoming"
_WRITTEN = ("cleaned", "chunks", "metadata", "rejected")
_TOGETHER_ROWS = 100
_TOGETHER_BYTES = 1 << 18


class FindingCount(BaseModel):
    """How often one kind was found; never a value."""

    family: Literal["pii", "secret"]
    kind: str
    findings: int
    rows: int


class CleanReport(BaseModel):
    """`report.json` of a cleaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    locator: str
    folder: str
    """Relative to the project."""
    column: str
    options: dict[str, Any]
    """How texts were cleaned."""
    ledger: StageLedger
    changed_rows: int
    changes: dict[str, int]
    """Rule → how often it changed something."""
    languages: dict[str, int]
    findings: list[FindingCount]
    chunks: int
    quality: dict[str, float]
    """Lowest, median and highest score of the rows kept."""
    outliers: int
    outlier_bounds: tuple[int, int] | None
    """Shortest and longest usual text, in characters; None for fewer than 20 rows."""
    warnings: list[str] = Field(default_factory=list)


class _Lines:
    """Rows that are encoded and written together, as many as had `_TOGETHER_BYTES` the last time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting: list[dict[str, Any]] = []
        self._most = 1

    def write(self, row: dict[str, Any]) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= self._most:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            lines = json_lines(self._waiting)
            self._file.write(lines)
            self._most = max(1, min(_TOGETHER_ROWS, len(self._waiting) * _TOGETHER_BYTES // len(lines)))
            self._waiting.clear()


class CleaningWriter:
    """Writes the files of one cleaning into a folder that belongs to it alone.

    Use as a context manager: first `store`, then `keep` and `reject` for each row of `originals`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._files: dict[str, _Lines] = {}

    def __enter__(self) -> CleaningWriter:
        for name in _WRITTEN:
            file = (self._folder / f"{name}.jsonl").open("wb")
            self._files[name] = _Lines(self._open.enter_context(file))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def store(self, rows: Iterable[SourceRow], work: Work) -> StoredRows:
        """Write the rows as their source gives them.

        Raises:
            DataError: if the source cannot be read to its end.
            CancelledError: on request.
            WorkspaceError: if the disk refuses.
        """
        return write_source_rows(rows, self._folder / _ORIGINALS, work)

    def originals(self) -> Iterator[SourceRow]:
        """The rows as they were stored, in order."""
        return read_source_rows(self._folder / _ORIGINALS)

    def keep(self, data: dict[str, Any], metadata: dict[str, Any], chunks: Iterable[dict[str, Any]]) -> None:
        """Write a row that stays."""
        self._files["cleaned"].write(data)
        self._files["metadata"].write(metadata)
        for chunk in chunks:
            self._files["chunks"].write(chunk)

    def reject(self, row: RejectedRow) -> None:
        """Write a row that leaves."""
        self._files["rejected"].write(row.to_dict())

    def finish(self, report: CleanReport, *, keep_originals: bool) -> None:
        """Write the report, after all rows."""
        for file in self._files.values():
            file.flush()
        if not keep_originals:
            (self._folder / _ORIGINALS).unlink()
        write_json(self._folder / _REPORT, report.model_dump(mode="json"))


@contextmanager
def new_cleaning(project: ProjectPaths) -> Iterator[CleaningWriter]:
    """A cleaning of the project; it gets the place that its report names when the block ends without error.

    Raises:
        WorkspaceError: if the disk refuses; nothing is left then.
    """
    incoming = project.cleaned / _INCOMING
    try:
        with atomic_folder(incoming) as folder, CleaningWriter(folder) as writer:
            yield writer
        with disk_errors(project.cleaned):
            _take_place(project, incoming)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


@contextmanager
def scratch_cleaning() -> Iterator[CleaningWriter]:
    """A cleaning outside every project, for a dry run; nothing of it is left."""
    with (
        scratch_folder("clean") as folder,
        disk_errors(folder),
        CleaningWriter(folder) as writer,
    ):
        yield writer


def _take_place(project: ProjectPaths, incoming: Path) -> None:
    """Move a finished cleaning to its id; where the id exists, its files are the same or were damaged."""
    folder = project.root / read_report(incoming).folder
    if folder.exists():
        old = incoming.with_name(f"{_INCOMING}.old")
        folder.replace(old)
        incoming.replace(folder)
        shutil.rmtree(old)
    else:
        incoming.replace(folder)


def read_report(folder: Path) -> CleanReport:
    """The report in a folder.

    Raises:
        DataError: if it is missing or was damaged by hand.
    """
    path = folder / _REPORT
    try:
        return read_json_as(path, CleanReport)
    except DataError as error:
        raise DataError(
            f"the report of this cleaning cannot be read: {error.what}",
            where=error.where,
            next_command=f"delete {folder}, then clean the source again",
            reason_code="cleaning_unknown",
        ) from error


def read_cleaning(project: ProjectPaths, cleaning_id: str) -> CleanReport:
    """The report of a cleaning.

    Raises:
        DataError: if it is missing or was damaged by hand.
    """
    return read_report(project.cleaned / cleaning_id)


def cleanings(project: ProjectPaths) -> list[CleanReport]:
    """The report of every cleaning, by id."""
    return [read_report(path.parent) for path in _reports(project)]


def original_rows(project: ProjectPaths, cleaning_id: str) -> Path:
    """The file of a cleaning's rows as they came, where they are kept."""
    return project.cleaned / cleaning_id / _ORIGINALS


def remove_cleaning(project: ProjectPaths, cleaning_id: str) -> CleanReport:
    """Remove all files of a cleaning, and return its report.

    Raises:
        DataError: if it is missing or was damaged by hand.
    """
    known = {path.parent.name: path.parent for path in _reports(project)}
    if cleaning_id not in known:
        raise DataError(
            f"there is no cleaning {cleaning_id!r}",
            where=", ".join(known) or "no source was cleaned",
            next_command="narrowcast data cleanings",
            reason_code="cleaning_unknown",
        )
    report = read_report(known[cleaning_id])
    with disk_errors(project.cleaned):
        shutil.rmtree(known[cleaning_id])
    return report


def counted_cleanings(project: ProjectPaths) -> list[StageLedger]:
    """A line for each cleaning, counted in its files rather than taken from its report."""
    return [_counted(path.parent) for path in _reports(project)]


def cleaning_files(folder: str) -> list[str]:
    """The files without which a cleaning has to be made again, relative to the project."""
    return [f"{folder}/{_REPORT}", f"{folder}/cleaned.jsonl", f"{folder}/rejected.jsonl"]


def _reports(project: ProjectPaths) -> list[Path]:
    return sorted(project.cleaned.glob(f"cln-*/{_REPORT}"))


def _counted(folder: Path) -> StageLedger:
    reported = read_report(folder).ledger
    rejected = Counter(row["reason"] for row in read_jsonl(folder / "rejected.jsonl"))
    originals = folder / _ORIGINALS
    return StageLedger(
        stage=reported.stage,
        rows_in=count_lines(originals) if originals.exists() else reported.rows_in,
        rows_out=count_lines(folder / "cleaned.jsonl"),
        rejected=dict(sorted(rejected.items())),
    )
