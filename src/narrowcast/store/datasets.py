"""Prepared data sets: `data/prepared/<version>/` with its manifest; `data/prepared/current` names one.

    data/prepared/<version>/manifest.json, <split>.jsonl    a version
    data/prepared/current                                   the folder of the current version
    data/eval/<split>.jsonl                                 its held-out rows, under names that do not change
    registry/datasets.jsonl                                 one line per version, oldest first

A version is written as a whole folder, then `current` is moved to it, so a kill at any moment leaves the
former version current. Everything after preparation reads rows through this file alone.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from narrowcast.core.example import Example
from narrowcast.core.hashing import combined_hash, short
from narrowcast.core.manifest import DatasetManifest, ImportRecord, SplitFile
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.core.seal import Seal, seal_nothing
from narrowcast.errors import DataError
from narrowcast.store.files import (
    append_jsonl,
    atomic_folder,
    atomic_writer,
    read_json_as,
    read_jsonl,
    read_jsonl_as,
    settle_folders,
    sha256_file,
    write_jsonl,
    write_text,
)
from narrowcast.store.first_command import before_rows
from narrowcast.store.imports import example_lines
from narrowcast.store.seals import sealed_folder, unedited

_ROWS = 100  # encoded and written together
_LEAST_DIGITS = 4  # of a reference to a version


class VersionEntry(BaseModel):
    """A line of `registry/datasets.jsonl`."""

    version: str
    parent_version: str | None = None
    rows: dict[str, int]
    rejected: dict[str, int]
    imports: list[str]


def version_entries(project: ProjectPaths) -> list[VersionEntry]:
    """The index of data-set versions, oldest first.

    Raises:
        DataError: if the file was damaged by hand.
    """
    return read_jsonl_as(project.datasets, VersionEntry)


def current_folder(project: ProjectPaths) -> str:
    """Name of the current version's folder; empty where none was prepared."""
    path = project.prepared / "current"
    return path.read_text().strip() if path.exists() else ""


def find_version(project: ProjectPaths, reference: str) -> DatasetManifest:
    """The manifest of a version: the start of its name, `current` or `parent`.

    Raises:
        DataError: if no version, or more than one, has this name, or its folder is gone.
    """
    entries = version_entries(project)
    if not entries:
        raise _not_prepared(project, project.prepared)
    if reference in ("current", "parent"):
        folder = current_folder(project)
        if reference == "parent":
            manifest = read_manifest(project, folder) if folder else None
            folder = short((manifest.parent_version if manifest else None) or "")
        matches = [each for each in entries if folder and each.version.startswith(folder)]
    else:
        long_enough = len(reference) >= _LEAST_DIGITS
        matches = [each for each in entries if long_enough and each.version.startswith(reference)]
    if reference == "parent" and not matches:
        raise _unknown("the current data-set version is the first one", short(current_folder(project) or ""))
    if len(matches) != 1:
        raise _unknown(
            "no such data-set version" if not matches else "several versions begin with it",
            reference,
        )
    manifest = read_manifest(project, short(matches[0].version))
    if manifest is None:
        raise _unknown("the version's folder is gone", reference)
    return manifest


def read_manifest(project: ProjectPaths, folder: str) -> DatasetManifest | None:
    """The manifest in a version's folder, or None where there is none that can be read."""
    path = project.prepared / folder / "manifest.json"
    if not folder or not path.exists():
        return None
    try:
        return read_json_as(path, DatasetManifest)
    except DataError:
        return None


def kept_manifests(project: ProjectPaths) -> list[DatasetManifest]:
    """The manifests of all versions whose folders are still there, oldest first."""
    manifests = (read_manifest(project, short(each.version)) for each in version_entries(project))
    return [each for each in manifests if each is not None]


def rows_of(project: ProjectPaths, manifest: DatasetManifest) -> Iterator[tuple[Split, Example]]:
    """Every row with its split, in the order of the splits.

    Raises:
        DataError: if a split file was changed or removed.
    """
    for split in manifest.splits:
        for row in read_split(project, manifest, split):
            yield split, row


def splits_with(project: ProjectPaths, manifest: DatasetManifest, row_id: str) -> Iterator[Split]:
    """The splits of a version that hold a row; a file that is gone holds none."""
    for split, file in manifest.splits.items():
        path = project.root / file.path
        if path.exists() and any(line["id"] == row_id for line in read_jsonl(path)):
            yield split


def load_manifest(project: ProjectPaths) -> DatasetManifest:
    """The manifest of the current data-set version.

    Raises:
        DataError: if none was prepared, or its file is damaged.
        WorkspaceError: `system_file_edited`, if it is not the one that was prepared.
    """
    current = current_folder(project)
    path = project.prepared / current / "manifest.json"
    if not current or not path.exists():
        raise _not_prepared(project, path if current else project.prepared)
    try:
        return read_json_as(path, DatasetManifest, unedited(project, path))
    except DataError as error:
        raise _changed("the manifest is damaged", path) from error


def _not_prepared(project: ProjectPaths, where: Path) -> DataError:
    return DataError(
        "no data set was prepared in this project",
        where=str(where),
        next_command=before_rows(project),
        reason_code="prepare_manifest_missing",
    )


def read_split(project: ProjectPaths, manifest: DatasetManifest, split: Split) -> list[Example]:
    """The rows of one split, after checking the file against the manifest.

    Raises:
        DataError: if the version has no such split, or its file was changed or removed.
    """
    return list(split_rows(project, manifest, split))


def split_rows(
    project: ProjectPaths, manifest: DatasetManifest, split: Split, cancel: CancelToken = UNSTOPPABLE
) -> Iterator[Example]:
    """The same, one after the other.

    Raises:
        DataError: if the version has no such split, or its file was changed or removed.
        CancelledError: on request.
    """
    stored = manifest.splits.get(split)
    if stored is None:
        raise DataError(
            f"the data set has no {split} split",
            where=f"version {short(manifest.version)}",
            next_command=_SPLIT_HINT.get(split, "narrowcast prepare"),
            reason_code="eval_dataset_missing",
        )
    path = project.root / stored.path
    if not path.exists():
        raise _changed("a split file is gone", path)
    if sha256_file(path, cancel) != stored.sha256:
        raise _changed("a split file was changed after it was prepared", path)
    yield from map(Example.from_dict, stoppable(read_jsonl(path), cancel))


_SPLIT_HINT = {Split.GOLDEN: "narrowcast prepare --golden 0.1, or import rows with --into golden"}


def write_rejections(project: ProjectPaths, lines: Iterable[dict[str, Any]]) -> None:
    """Replace the rows that the last preparation rejected."""
    write_jsonl(project.rejected / "prepare.jsonl", lines)


def rejections(project: ProjectPaths) -> Iterator[dict[str, Any]]:
    """The rows that the last preparation rejected: source, index, reason, detail and data of each."""
    path = project.rejected / "prepare.jsonl"
    return read_jsonl(path) if path.exists() else iter(())


def dataset_version(splits: Mapping[Split, Sequence[Example]]) -> str:
    """SHA-256 over split names and the row hashes in the order of their files."""
    return version_of({split: (row.hash for row in rows) for split, rows in splits.items()})


def version_of(hashes: Mapping[Split, Iterable[str]]) -> str:
    """The same of the hashes of the rows."""
    return combined_hash(line for split in Split for line in chain([split.value], hashes.get(split, ())))


def save_version(
    project: ProjectPaths,
    manifest: DatasetManifest,
    splits: Mapping[Split, Iterable[Example]],
    cancel: CancelToken = UNSTOPPABLE,
    seal: Seal = seal_nothing,
) -> DatasetManifest:
    """Write a version and make it the current one.

    Args:
        project: where to.
        manifest: everything but `splits` and `parent_version`, which are filled in here; its `version` is
            `dataset_version(splits)`.
        splits: the rows, in the order in which they are to be in their files; each is read once.
        cancel: heeded until the version is whole; nothing is left of it then.
        seal: takes the hashes of its files.

    Returns:
        The manifest as it was written.

    Raises:
        CancelledError: on request.
    """
    settle_versions(project)
    former = current_folder(project)
    folder = project.prepared / short(manifest.version)
    parent = _parent(project, former, manifest.version)
    with atomic_folder(folder) as part:
        files = {}
        for split, rows in splits.items():
            count, digest = _write_rows(part / f"{split}.jsonl", rows, cancel)
            path = project.relative(folder / f"{split}.jsonl")
            files[split] = SplitFile(path=path, rows=count, sha256=digest)
        written = manifest.model_copy(update={"splits": files, "parent_version": parent})
        write_text(part / "manifest.json", written.model_dump_json(indent=2) + "\n")
        hashes = {project.root / each.path: each.sha256 for each in files.values()}
        seal({folder / "manifest.json": sha256_file(part / "manifest.json"), **hashes})
    write_text(project.prepared / "current", folder.name + "\n")
    _copy_for_people(project, written)
    _register(project, written)
    return written


def settle_versions(project: ProjectPaths) -> None:
    """Put right what a killed process left of versions and copies; the caller holds the project's lock."""
    settle_folders(project.prepared)
    settle_folders(project.evaluation)


def rewrite_version(
    project: ProjectPaths,
    manifest: DatasetManifest,
    without: AbstractSet[str],
    imports: Mapping[str, ImportRecord],
    seal: Seal = seal_nothing,
) -> None:
    """Take rows out of a version that was written before; the folder is replaced as a whole.

    The version keeps its name, which then tells what it was made of, not what is left; `forgotten` counts the
    difference.

    Args:
        project: where the version is.
        manifest: of the version.
        without: ids of the rows.
        imports: records of the imports as they are now, by id.
        seal: takes the hash of each file before the folder gets its name.

    Raises:
        DataError: if a split file was changed before.
    """
    rows = {split: read_split(project, manifest, split) for split in manifest.splits}
    kept = {split: [row for row in each if row.id not in without] for split, each in rows.items()}
    gone = sum(map(len, rows.values())) - sum(map(len, kept.values()))
    if not gone:
        return
    folder = project.prepared / short(manifest.version)
    with sealed_folder(folder, seal) as part:
        files = {}
        for split, left in kept.items():
            count, digest = write_jsonl(part / f"{split}.jsonl", (row.to_dict() for row in left))
            files[split] = SplitFile(path=manifest.splits[split].path, rows=count, sha256=digest)
        ledger = manifest.ledger
        written = manifest.model_copy(
            update={
                "splits": files,
                "forgotten": manifest.forgotten + gone,
                "imports": [imports.get(each.id, each) for each in manifest.imports],
                "ledger": ledger.model_copy(
                    update={"rows_in": ledger.rows_in - gone, "rows_out": ledger.rows_out - gone}
                ),
            }
        )
        write_text(part / "manifest.json", written.model_dump_json(indent=2) + "\n")


def _write_rows(path: Path, rows: Iterable[Example], cancel: CancelToken) -> tuple[int, str]:
    """Write rows some at a time; how many there are, and the SHA-256 of the file."""
    digest, count, left = hashlib.sha256(), 0, iter(rows)
    with atomic_writer(path) as file:
        while some := list(islice(left, _ROWS)):
            cancel.check()
            lines = example_lines(some)
            file.write(lines)
            digest.update(lines)
            count += len(some)
    return count, digest.hexdigest()


def _copy_for_people(project: ProjectPaths, manifest: DatasetManifest) -> None:
    """`data/eval/<split>.jsonl`: held-out rows under a name that does not change."""
    for split in (Split.DEV, Split.TEST, Split.GOLDEN):
        path = project.evaluation / f"{split}.jsonl"
        stored = manifest.splits.get(split)
        if stored is not None and stored.rows:
            with atomic_writer(path) as file, (project.root / stored.path).open("rb") as rows:
                shutil.copyfileobj(rows, file)
        else:
            path.unlink(missing_ok=True)


def _register(project: ProjectPaths, manifest: DatasetManifest) -> None:
    """One line a version; preparing the same version again adds none."""
    known = read_jsonl(project.datasets) if project.datasets.exists() else iter(())
    if any(line["version"] == manifest.version for line in known):
        return
    append_jsonl(
        project.datasets,
        {
            "version": manifest.version,
            "parent_version": manifest.parent_version,
            "rows": {split.value: file.rows for split, file in manifest.splits.items()},
            "rejected": manifest.ledger.rejected,
            "imports": [record.id for record in manifest.imports],
        },
    )


def _parent(project: ProjectPaths, former: str, version: str) -> str | None:
    """The version that was current before; preparing a version again keeps the parent it had."""
    mine = project.prepared / short(version) / "manifest.json"
    before = project.prepared / former / "manifest.json" if former else None
    source = mine if mine.exists() else before
    if source is None or not source.exists():
        return None
    try:
        stored = read_json_as(source, DatasetManifest)
    except DataError:
        return None  # a damaged version is about to be written again, or is not a parent
    return stored.parent_version if source == mine else stored.version


def _changed(what: str, path: Path) -> DataError:
    return DataError(
        what,
        where=str(path),
        next_command="narrowcast prepare --force, which writes it again from the imports",
        reason_code="prepare_split_changed",
    )


def _unknown(what: str, reference: str) -> DataError:
    return DataError(
        what,
        where=reference,
        next_command="narrowcast data versions",
        reason_code="dataset_version_unknown",
    )
