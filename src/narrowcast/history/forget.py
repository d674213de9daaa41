"""Deleting rows from every copy that the project owns.

What is to be deleted is written to `registry/forget.pending.json` first, and that file goes last, after the
event. After a kill the next deletion finishes the work; each deletion has one event, whatever interrupted it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.hashing import combined_hash, sha256_hex, short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.seal import Seal
from narrowcast.core.work import Work
from narrowcast.errors import DataError
from narrowcast.history.remains import remains
from narrowcast.history.requests import ForgetRequest
from narrowcast.history.selection import Selection
from narrowcast.history.versions import runs_by_version
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.config_file import load_config
from narrowcast.store.datasets import kept_manifests, rewrite_version, settle_versions
from narrowcast.store.files import read_jsonl, write_jsonl
from narrowcast.store.forgotten import (
    PendingDeletion,
    append_forgotten,
    clear_pending,
    read_pending,
    record_hash,
    write_pending,
)
from narrowcast.store.import_rows import raw_lines, recounted
from narrowcast.store.imports import read_records, remove_orphans, write_records
from narrowcast.store.seals import sealed_payload, still_sealed
from narrowcast.store.vectors import drop_vectors


class TouchedVersion(BaseModel):
    """A data-set version that held forgotten rows."""

    version: str
    rows: dict[str, int] = Field(description="Split → rows that were in it.")
    models: list[str] = Field(description="Runs that were trained on this version.")


class Forgotten(BaseModel):
    """What was, or in a dry run would be, deleted."""

    dry_run: bool
    rows: int
    ids: list[str]
    imports: dict[str, int]
    files: dict[str, int] = Field(description="File of the project → lines taken out of it.")
    versions: list[TouchedVersion]
    models: list[str] = Field(
        description="Models that were trained or chosen on the rows: train again, withdraw what was shipped."
    )
    remains: dict[str, int] = Field(
        description="Files that are not rewritten and still hold texts of the rows: delete or renew them."
    )
    interrupted: int = Field(
        default=0,
        description="Rows of an interrupted deletion, which was finished first and has an event of its own.",
    )


def forget(project: Project, request: ForgetRequest, work: Work | None = None) -> Forgotten:
    """Delete rows, and those generated after them, from raw, mapped, rejected, prepared and measured copies.

    The event that tells of it holds counts and hashes, no id and no text. A deletion that was interrupted is
    finished first; where no further row meets the conditions, its outcome is returned.

    Args:
        project: whose rows.
        request: which rows, and whether they are deleted or counted alone.
        work: how to stop before the first row is deleted; a deletion that has begun is finished.

    Raises:
        UsageError: if no condition is given.
        DataError: if no row meets them.
        CancelledError: on request.
    """
    work, paths = work or Work(), project.paths
    selection = Selection(request.ids, request.where, request.text)
    with project.lock("data forget"):
        pending = _interrupted(paths)
        if request.counts_only:
            ids = _find(selection, paths) | (_ids(pending) if pending else set())
            return _outcome(paths, ids, dry_run=True)
        work.cancel.check()
        settle_versions(paths)  # what killed writers left behind may hold the rows too
        remove_orphans(paths)
        before = _finish(project, pending) if pending else None
        ids = _find(selection, paths)
        if before and not ids:
            return before
        outcome = _outcome(paths, ids, dry_run=False)
        outcome.interrupted = before.rows if before else 0
        work.cancel.check()
        pending = PendingDeletion(
            outcome=outcome.model_dump(),
            conditions_sha256=selection.sha256,
            sealed=still_sealed(paths, _rewritten(paths, outcome)),
        )
        write_pending(paths, pending)
        return _finish(project, pending)


def _interrupted(paths: ProjectPaths) -> PendingDeletion | None:
    """The deletion to finish first; what it returns is counted now if an older version began it."""
    pending = read_pending(paths)
    if pending is None or "rows" in pending.outcome:
        return pending
    outcome = _outcome(paths, set(pending.outcome["ids"]), dry_run=False)
    return pending.model_copy(update={"outcome": outcome.model_dump()})


def _ids(pending: PendingDeletion) -> set[str]:
    return set(Forgotten.model_validate(pending.outcome).ids)


def _finish(project: Project, pending: PendingDeletion) -> Forgotten:
    """Delete what is still there, and write the event where it is not in the trail yet."""
    paths, outcome = project.paths, Forgotten.model_validate(pending.outcome)
    if pending.ending is None or not project.trail.after(pending.ending, _run_id(outcome)):
        notes = _Notes(paths, pending)
        _delete(paths, outcome, notes)
        drop_vectors(project.settings.home)
        write_pending(paths, notes.pending.model_copy(update={"ending": project.trail.newest()}))
        _emit(project, outcome, pending)
    clear_pending(paths)
    return outcome


class _Notes:
    """Notes what rewritten files hold, so that after a kill they are not taken for edited ones.

    Args:
        paths: of the project.
        pending: the deletion; only of files that were unedited before it something is noted.
    """

    def __init__(self, paths: ProjectPaths, pending: PendingDeletion) -> None:
        self._paths, self.pending = paths, pending

    def __call__(self, files: Mapping[Path, str]) -> None:
        """A seal (`core.seal`): called before files get their names."""
        names = {self._paths.relative(path): digest for path, digest in files.items()}
        own = {name: digest for name, digest in names.items() if name in self.pending.sealed}
        if own:
            written = {**self.pending.written, **own}
            self.pending = self.pending.model_copy(update={"written": written})
            write_pending(self._paths, self.pending)


def _delete(paths: ProjectPaths, outcome: Forgotten, seal: Seal) -> None:
    """May be done again after a kill at any step."""
    ids, records = set(outcome.ids), read_records(paths)
    append_forgotten(paths, _hashes(paths, ids))
    for path, is_meant in _row_files(paths):
        _strip(path, is_meant, ids, seal)
    settled = [recounted(paths, each) if each.id in outcome.imports else each for each in records]
    write_records(paths, settled)
    for manifest in kept_manifests(paths):
        rewrite_version(paths, manifest, ids, {each.id: each for each in settled}, seal)


_Named = Callable[[dict[str, Any]], str]


def _find(selection: Selection, paths: ProjectPaths) -> set[str]:
    """The selected rows, and the others that were cut from the same records: they hold the same texts."""
    selected = selection.find(paths, read_records(paths))
    rows = set(selected)
    for source in {row_id.rpartition(":")[0] for row_id in selected}:
        cut = {line["index"]: line["record"] for line in raw_lines(paths, source) if "record" in line}
        meant = {record for number, record in cut.items() if f"{source}:{number}" in selected}
        rows |= {f"{source}:{number}" for number, record in cut.items() if record in meant}
    return rows


def _hashes(paths: ProjectPaths, found: set[str]) -> Iterator[str]:
    """Of the records as they are stored, and without the columns that were derived from others."""
    derived = _derived(paths)
    for source in {row_id.rpartition(":")[0] for row_id in found}:
        for line in raw_lines(paths, source):
            if f"{source}:{line['index']}" in found:
                data = line.get("data")
                yield record_hash(data, line.get("raw"))
                if data and source in derived:
                    own = {name: value for name, value in data.items() if name not in derived[source]}
                    yield record_hash(own, None)


def _derived(paths: ProjectPaths) -> dict[str, frozenset[str]]:
    """The columns that `--derive` added to each import."""
    specs = {(each.locator, each.into): each.derive for each in load_config(paths.config).sources}
    named = {each.id: specs.get((each.locator, each.into), []) for each in read_records(paths)}
    return {
        name: frozenset(each.partition("=")[0].strip().strip("`") for each in derive)
        for name, derive in named.items()
        if derive
    }


def _outcome(paths: ProjectPaths, found: set[str], *, dry_run: bool) -> Forgotten:
    if not found:
        raise DataError(
            "no row matches these conditions",
            where=f"{len(read_records(paths))} imports",
            next_command="narrowcast data imports; values of --where are compared exactly",
            reason_code="dataset_row_unknown",
        )
    files = {paths.relative(path): _count(path, named, found) for path, named in _row_files(paths)}
    models = runs_by_version(paths)
    versions = [
        TouchedVersion(version=manifest.version, rows=rows, models=models.get(manifest.version, []))
        for manifest in kept_manifests(paths)
        if (rows := _held(paths, manifest, found, files))
    ]
    # The dev split chose the checkpoint, so a model has seen it too; test and golden rows it has not.
    seen = [each for each in versions if {Split.TRAIN, Split.DEV} & each.rows.keys()]
    return Forgotten(
        dry_run=dry_run,
        rows=len(found),
        ids=sorted(found, key=lambda row_id: (row_id.rpartition(":")[0], int(row_id.rpartition(":")[2]))),
        imports=dict(sorted(Counter(row_id.rpartition(":")[0] for row_id in found).items())),
        files={path: count for path, count in files.items() if count},
        versions=versions,
        models=sorted({run for each in seen for run in each.models}),
        remains=remains(paths, found),
    )


def _row_files(paths: ProjectPaths) -> list[tuple[Path, _Named]]:
    """Every file whose lines name their row, with how they name it; prepared splits are rewritten apart."""
    found: list[tuple[Path, _Named]] = []
    for folder in (paths.raw, paths.accepted, paths.rejected):
        found += [(path, _by_index(path.stem)) for path in sorted(folder.glob("imp-*.jsonl"))]
    found.append((paths.rejected / "prepare.jsonl", lambda line: f"{line['source']}:{line['index']}"))
    found += [(path, _by_id) for path in sorted(paths.evaluation.glob("*.jsonl"))]
    found += [(path, _by_id) for path in sorted(paths.reports.rglob("*.jsonl"))]
    found += [(paths.registry / f"{name}.jsonl", _by_id) for name in ("reviews", "review_queue")]
    return [(path, named) for path, named in found if path.exists()]


def _by_index(source: str) -> _Named:
    return lambda line: f"{source}:{line['index']}"


def _by_id(line: dict[str, Any]) -> str:
    return str(line.get("id", line.get("example_id", "")))


def _count(path: Path, named: _Named, found: set[str]) -> int:
    return sum(named(line) in found for line in read_jsonl(path))


def _strip(path: Path, named: _Named, found: set[str], seal: Seal) -> None:
    if _count(path, named, found):
        kept = (line for line in read_jsonl(path) if named(line) not in found)
        write_jsonl(path, kept, lambda digest: seal({path: digest}))


def _held(
    paths: ProjectPaths, manifest: DatasetManifest, found: set[str], files: dict[str, int]
) -> dict[str, int]:
    held = {}
    for split, file in manifest.splits.items():
        path = paths.root / file.path
        count = _count(path, _by_id, found) if path.exists() else 0
        if count:
            held[split.value] = files[file.path] = count
    return held


def _rewritten(paths: ProjectPaths, outcome: Forgotten) -> list[str]:
    """Files that lose rows, with the manifests that say how many they have."""
    folders = [paths.prepared / short(each.version) for each in outcome.versions]
    return [*outcome.files, *(paths.relative(each / "manifest.json") for each in folders)]


def _emit(project: Project, outcome: Forgotten, pending: PendingDeletion) -> None:
    project.trail.emit(
        StageName.INGESTION,
        "dataset_rows_forgotten",
        f"{outcome.rows:,} rows were deleted from {len(outcome.files)} files",
        payload={
            "rows": outcome.rows,
            "imports": outcome.imports,
            "files": outcome.files,
            "versions": [each.model_dump() for each in outcome.versions],
            "models": outcome.models,
            "ids_sha256": _ids_sha256(outcome),
            "conditions_sha256": pending.conditions_sha256,
            **sealed_payload(project.paths, pending.sealed),
        },
        run=_run_id(outcome),
    )


def _run_id(outcome: Forgotten) -> str:
    """Names the deletion in the trail without telling its rows."""
    return f"forget-{_ids_sha256(outcome)[:10]}"


def _ids_sha256(outcome: Forgotten) -> str:
    return combined_hash(sha256_hex(each.encode()) for each in outcome.ids)
