"""Imports on disk. `registry/imports.jsonl` holds their records, and writing it is the commit point.

    data/raw/<import>.jsonl        rows as the source gave them
    data/accepted/<import>.jsonl   examples
    data/rejected/<import>.jsonl   rejected rows with their reasons

A writer works in this order: raw rows, accepted and rejected rows, `narrowcast.yaml`, record. A process
killed at any moment leaves an import whole or absent; files without a record are removed by the next writer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel

from narrowcast.core.config import ProjectConfig
from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import UNSTOPPABLE, CancelToken
from narrowcast.core.row import RejectedRow, SourceRow, TransformedRow
from narrowcast.core.work import Work
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.config_file import read_exactly, save_config
from narrowcast.store.files import (
    atomic_writer,
    encoded_lines,
    json_lines,
    read_jsonl_as,
    sha256_file,
    write_jsonl,
    write_text,
)
from narrowcast.store.json_text import encode_all, quoted
from narrowcast.store.source_rows import Batches, StoredRows, write_source_rows

_INCOMING = ".incoming.jsonl"


class KeptRows(BaseModel):
    """What `ImportWriter.keep` wrote: rows = accepted + rejected."""

    rows: int
    accepted: int
    rejected: dict[str, int]
    accepted_sha256: str


class ImportWriter:
    """Writes one import. The caller holds the project's lock.

    Use as a context manager, and call `store`, `name`, `keep` and `commit` in this order. Where the block
    ends without `commit`, nothing of the import is left.

    Args:
        project: where to.
        work: shows progress, and stops the writer.
        replaces: ids of imports whose place this one takes; all change in one write of the records.
    """

    def __init__(self, project: ProjectPaths, work: Work | None = None, replaces: Sequence[str] = ()) -> None:
        self._project = project
        self._work = work or Work()
        self._replaces = replaces
        self._stored: StoredRows | None = None
        self._id = ""

    def __enter__(self) -> ImportWriter:
        remove_orphans(self._project)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_orphans(self._project)

    def store(self, rows: Iterable[SourceRow]) -> StoredRows:
        """Write the rows as their source gives them.

        Raises:
            DataError: if the source cannot be read to its end.
            CancelledError: on request.
            WorkspaceError: if the disk refuses.
        """
        self._stored = write_source_rows(rows, self._project.raw / _INCOMING, self._work)
        return self._stored

    def name(self, mapper: str, mapping: str = "") -> str:
        """The id of the import: a short content address of its rows and of how they are mapped.

        Args:
            mapper: its name.
            mapping: hash of everything else that decides which rows are accepted, and in what form.

        Raises:
            DataError: if another import maps the same rows with the same mapper.
        """
        content = self._written.sha256
        for record in read_records(self._project):
            if record.id not in self._replaces and (record.raw_sha256, record.mapper) == (content, mapper):
                raise already_imported(record, f"these rows are imported already, as {record.id}")
        self._id = f"imp-{hashlib.sha256(f'{mapper}:{content}:{mapping}'.encode()).hexdigest()[:8]}"
        (self._project.raw / _INCOMING).replace(self.raw)
        return self._id

    @property
    def raw(self) -> Path:
        """The stored rows, once the import has its name."""
        return self._project.raw / f"{self._id}.jsonl"

    def keep(self, outcomes: Iterable[TransformedRow | RejectedRow]) -> KeptRows:
        """Write what became of each row.

        Raises:
            CancelledError: on request.
            WorkspaceError: if the disk refuses.
        """
        digest, accepted, rejected = hashlib.sha256(), 0, Counter[str]()
        name = f"{self._id}.jsonl"
        with (
            atomic_writer(self._project.accepted / name) as good,
            atomic_writer(self._project.rejected / name) as bad,
        ):
            for batch in (batches := Batches(outcomes, self._work)):
                examples = [each.example for each in batch if isinstance(each, TransformedRow)]
                rejects = [each for each in batch if isinstance(each, RejectedRow)]
                lines, others = example_lines(examples), json_lines([each.to_dict() for each in rejects])
                good.write(lines)
                digest.update(lines)
                bad.write(others)
                accepted += len(examples)
                rejected.update(each.reason for each in rejects)
                batches.took(len(lines) + len(others))
        return KeptRows(
            rows=accepted + rejected.total(),
            accepted=accepted,
            rejected=dict(sorted(rejected.items())),
            accepted_sha256=digest.hexdigest(),
        )

    def commit(self, record: ImportRecord, config: ProjectConfig | None = None) -> None:
        """Make the import part of the project, with the configuration that goes with it.

        Raises:
            WorkspaceError: if the disk refuses; configuration and records are as they were.
        """
        records = read_records(self._project)
        place = next((n for n, each in enumerate(records) if each.id in self._replaces), len(records))
        records.insert(place, record)
        kept = [each for each in records if each is record or each.id not in self._replaces]
        write_records(self._project, kept, config)

    @property
    def _written(self) -> StoredRows:
        if self._stored is None:
            raise RuntimeError("`store` comes first")
        return self._stored


def example_lines(examples: Sequence[Example]) -> bytes:
    """Accepted rows as they are stored: the same as `json_lines` of their `to_dict`, in a third of its time.

    What follows the index is mostly the same as in the row before, and then not encoded again.
    """
    lines, last, head, middle, tail = [], None, "", "", ""
    inputs = encode_all([each.inputs for each in examples])
    targets = encode_all([each.target for each in examples])
    for each, given, target in zip(examples, inputs, targets, strict=True):
        frame = (each.source, each.group, each.split, each.provenance, each.parents, each.group_id)
        if frame != last:
            last, (head, middle, tail) = frame, _frame(each)
        lines.append(f'{head}{each.index}","inputs":{given},"target":{target}{middle}{each.index}{tail}')
    return encoded_lines(lines)


def _frame(example: Example) -> tuple[str, str, str]:
    """What a stored row has before its index, between its target and the index again, and after that."""
    source = quoted(example.source)
    group = "null" if example.group is None else quoted(example.group)
    split = "null" if example.split is None else quoted(example.split)
    parents = f',"parents":{encode_all([list(example.parents)])[0]}' if example.parents else ""
    joined = f',"group_id":{quoted(example.group_id)}' if example.group_id else ""
    tail = f',"group":{group},"split":{split},"provenance":{quoted(example.provenance)}{parents}{joined}}}'
    return f'{{"id":{source[:-1]}:', f',"source":{source},"index":', tail


def already_imported(record: ImportRecord, what: str) -> DataError:
    """The refusal of rows that the project has."""
    return DataError(
        what,
        where=record.locator,
        next_command=f"narrowcast data remove {record.id}, to import them in another way",
        reason_code="dataset_already_imported",
    )


def read_records(project: ProjectPaths) -> list[ImportRecord]:
    """Every committed import, oldest first.

    Raises:
        WorkspaceError: if the file was damaged by hand.
    """
    try:
        return read_jsonl_as(project.imports, ImportRecord)
    except DataError as error:
        raise WorkspaceError(
            f"the records of imports cannot be read: {error.what}",
            where=error.where,
            next_command="restore the file from a backup, or move it away and import again",
        ) from error


def generated_imports(project: ProjectPaths, generation: str) -> list[ImportRecord]:
    """The imports of a generation's rows: one, or none before its gates were applied."""
    return [
        record
        for record in read_records(project)
        if record.generated_by is not None and record.generated_by.generation == generation
    ]


def write_records(
    project: ProjectPaths, records: Sequence[ImportRecord], config: ProjectConfig | None = None
) -> None:
    """Replace the records as a whole, and the configuration before them; both, or neither."""
    before = read_exactly(project.config) if config is not None else ""
    if config is not None:
        save_config(project.config, config)
    try:
        write_jsonl(project.imports, (record.model_dump(mode="json") for record in records))
    except BaseException:
        if config is not None:
            write_text(project.config, before)
        raise


def is_intact(project: ProjectPaths, record: ImportRecord, cancel: CancelToken = UNSTOPPABLE) -> bool:
    """Whether the accepted rows of an import are those of its record.

    Raises:
        CancelledError: on request.
    """
    accepted = project.accepted / f"{record.id}.jsonl"
    return accepted.exists() and sha256_file(accepted, cancel) == record.accepted_sha256


def remove_orphans(project: ProjectPaths) -> None:
    """Delete files of imports that have no record. The caller holds the project's lock."""
    known = {f"{record.id}.jsonl" for record in read_records(project)}
    for folder in (project.raw, project.accepted, project.rejected):
        for path in folder.iterdir() if folder.is_dir() else ():
            orphan = path.name.startswith("imp-") and path.suffix == ".jsonl" and path.name not in known
            if orphan or path.name == _INCOMING:
                path.unlink(missing_ok=True)
