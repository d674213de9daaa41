"""Groups of rows that say the same: `narrowcast data dedupe`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.progress import stoppable
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.duplicates.leakage import NO_EMBEDDER, asked_embedder
from narrowcast.duplicates.requests import DedupeRequest
from narrowcast.duplicates.row_sets import RowSet, row_set
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.similarity.compare import Kind
from narrowcast.similarity.copies import copies_of
from narrowcast.similarity.equal_texts import exact_groups
from narrowcast.similarity.forms import forms_of
from narrowcast.similarity.near_duplicates import similar_groups
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.similarity.union_find import UnionFind
from narrowcast.store.files import write_jsonl


class DuplicateGroup(BaseModel):
    """Rows that are connected: each is like another one of the group, not like all of them."""

    rows: list[str]
    kind: Kind = Field(description="The weakest kind that was needed to connect them.")
    labels: int = Field(description="Different labels among the rows; 0 where they have none.")


class DedupeReport(BaseModel):
    """What repeats, what contradicts itself, and what was left out where a file was written."""

    source: str
    rows: int
    groups: list[DuplicateGroup]
    extra: dict[Kind, int] = Field(description="Rows beyond the first of their group, by kind.")
    conflicts: list[list[str]] = Field(description="Exact and near-duplicates with different labels.")
    embedder: str
    embedder_version: str = Field(default="", description="Hash of its weights; empty where it has none.")
    meaning: float | None = Field(
        default=None, description="Cosine from which texts are semantic duplicates."
    )
    written: str | None = None
    ledger: StageLedger | None = Field(default=None, description="Of the written file.")


def dedupe(place: Project | Settings, request: DedupeRequest, work: Work | None = None) -> DedupeReport:
    """Group the rows of a set, and write a source without its repetitions where `output` names a file.

    Written is the first row of each group and, where rows of a group contradict each other, the first of each
    label: which one is right is not for a machine to say. What is left out is beside it, in
    `<output>.rejected.jsonl`, with its reason and the row that stays.

    Args:
        place: the project whose rows are compared, and whose trail keeps the figures; settings for a source
            alone.
        request: the rows, and how they are compared.
        work: where to show progress, and how to stop.

    Raises:
        UsageError: for a wrong reference, embedder or output.
        DataError: if rows cannot be read.
    """
    work = work or Work()
    shown, token = work.progress, work.cancel
    by, meaning = asked_embedder(request, place, work)
    output = None if request.dry_run else request.output
    shown.start("reading the rows")
    source = row_set(request.locator, place, request, work)
    _check_output(output, source)
    exact, near = _joined(source.texts, request, work)
    semantic = near.copy()
    if by is not None:
        token.check()
        shown.start("comparing meanings")
        for group in semantic_groups(source.texts, by, meaning, work):
            semantic.union_all(group)
    shown.finish()
    groups = semantic.components(2)
    report = DedupeReport(
        source=source.name,
        rows=len(source.texts),
        groups=[_described(group, source, exact, near) for group in stoppable(groups, token)],
        extra=_extra(exact, near, semantic, len(source.texts)),
        conflicts=[
            [source.ids[number] for number in group]
            for group in stoppable(near.components(2), token)
            if len({source.targets[number] for number in group} - {None}) > 1
        ],
        embedder=by.name if by else NO_EMBEDDER,
        embedder_version=by.version if by else "",
        meaning=meaning,
    )
    if output is not None:
        report.written = str(output)
        shown.start("writing the rows that stay")
        report.ledger = _write(output, source, _left_out(groups, source, exact, near), work)
        shown.finish()
    if isinstance(place, Project) and not request.dry_run:
        _emit(place, report)
    return report


def _emit(project: Project, report: DedupeReport) -> None:
    """The figures; rows and texts stay where they are."""
    extra = {kind.value: count for kind, count in report.extra.items()}
    payload = report.model_dump(mode="json", exclude={"groups", "conflicts", "extra"})
    project.trail.emit(
        StageName.PREPARE,
        "prepare_dedupe_run",
        f"{sum(extra.values()):,} of {report.rows:,} rows of {report.source} repeat another one",
        payload={
            **payload,
            "groups": len(report.groups),
            "conflicts": len(report.conflicts),
            "extra": extra,
        },
    )


def _joined(texts: Sequence[str], request: DedupeRequest, work: Work) -> tuple[UnionFind, UnionFind]:
    cancel = work.cancel
    work.progress.start("finding exact duplicates")
    exact = UnionFind(len(texts))
    for group in exact_groups(texts, cancel):
        exact.union_all(group)
    near, forms = exact.copy(), forms_of(texts, cancel)
    for group in similar_groups(forms, request.similarity, work).groups:
        near.union_all(group)
    if request.copies:
        for copy in copies_of(forms, work):
            near.union(copy.left, copy.right)
    return exact, near


def _described(group: list[int], source: RowSet, exact: UnionFind, near: UnionFind) -> DuplicateGroup:
    return DuplicateGroup(
        rows=[source.ids[number] for number in group],
        kind=max((_kind(number, group[0], exact, near) for number in group[1:]), key=list(Kind).index),
        labels=len({source.targets[number] for number in group} - {None}),
    )


def _kind(number: int, of: int, exact: UnionFind, near: UnionFind) -> Kind:
    if exact.find(number) == exact.find(of):
        return Kind.EXACT
    return Kind.NEAR if near.find(number) == near.find(of) else Kind.SEMANTIC


def _extra(exact: UnionFind, near: UnionFind, semantic: UnionFind, size: int) -> dict[Kind, int]:
    """How many rows each kind would leave out on top of the stronger ones."""
    left = [size, *(sets.count() for sets in (exact, near, semantic))]
    return {kind: left[place] - left[place + 1] for place, kind in enumerate(Kind)}


def _check_output(output: Path | None, source: RowSet) -> None:
    if output is None:
        return
    if source.records is None:
        raise UsageError(
            "only a source is written without its repetitions; imported rows are kept as they are",
            where="--output",
            next_command="--locator SCHEME:PATH with --output FILE.jsonl, then import that file",
            reason_code="prepare_request_invalid",
        )
    if output.exists():
        raise UsageError(
            "the file exists already",
            where=str(output),
            next_command="name a new file",
            reason_code="prepare_request_invalid",
        )


def _left_out(
    groups: Sequence[Sequence[int]], source: RowSet, exact: UnionFind, near: UnionFind
) -> dict[int, tuple[Kind, int]]:
    """Rows that are not written: as which kind of duplicate, and of which row that stays."""
    left_out = {}
    for group in groups:
        kept: dict[int | None, int] = {}
        for number in group:
            stays = kept.setdefault(source.targets[number], number)
            if stays != number:
                left_out[number] = (_kind(number, stays, exact, near), stays)
    return left_out


def _write(output: Path, source: RowSet, left_out: Mapping[int, tuple[Kind, int]], work: Work) -> StageLedger:
    """Read the source again, once for each of the two files."""
    reasons: Counter[str] = Counter()

    def rejected() -> Iterator[dict[str, Any]]:
        for row, number in _numbered(source, work):
            if number is None:
                reason = "unparseable" if row.error else "no_text"
                line = RejectedRow(row.index, reason, row.error or "", row.data, row.raw)
            elif number in left_out:
                kind, stays = left_out[number]
                line = RejectedRow(row.index, f"{kind}_duplicate", f"of row {source.ids[stays]}", row.data)
            else:
                continue
            reasons[line.reason] += 1
            yield line.to_dict()

    write_jsonl(output.with_name(f"{output.name}.rejected.jsonl"), rejected())
    kept = (
        row.data for row, number in _numbered(source, work) if number is not None and number not in left_out
    )
    rows_out, _ = write_jsonl(output, kept)
    return StageLedger(
        stage="dedupe",
        rows_in=len(source.texts) + source.unusable,
        rows_out=rows_out,
        rejected=dict(sorted(reasons.items())),
    )


def _numbered(source: RowSet, work: Work) -> Iterator[tuple[SourceRow, int | None]]:
    """The records of a source, and the number of each in the set; None where it is unusable.

    Raises:
        DataError: if the source has other rows than before.
        CancelledError: on request.
    """
    number = 0
    for row, usable in stoppable(source.records() if source.records else (), work.cancel):
        yield row, number if usable else None
        number += usable
    if number != len(source.texts):
        raise DataError(
            "the source was changed while it was read",
            where=source.name,
            next_command="run the command again",
            reason_code="prepare_source_changed",
        )
