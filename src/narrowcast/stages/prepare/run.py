"""Rows in, one data-set version out: check, connect, divide, prove, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from narrowcast.core.example import Example
from narrowcast.core.forecast import LONG, WorkForecast
from narrowcast.core.hashing import short
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.progress import stoppable
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work, watched
from narrowcast.errors import DataError
from narrowcast.similarity.embedders import DEFAULT
from narrowcast.stages.prepare.division import Divided, Division, split_codes
from narrowcast.stages.prepare.forecast import disk_bytes, forecast
from narrowcast.stages.prepare.former import former_splits
from narrowcast.stages.prepare.meanings import least_cosine, open_embedder, semantic_shared
from narrowcast.stages.prepare.options import (
    Inputs,
    Options,
    PreparePreview,
    PrepareResult,
    SplitSummary,
    UsedEmbedder,
)
from narrowcast.stages.prepare.read import Reading, read_rows
from narrowcast.stages.prepare.rows import Rejection, ReviewedRows
from narrowcast.stages.prepare.splits import Splits, divided_splits
from narrowcast.store.accepted_rows import AcceptedRows
from narrowcast.store.datasets import save_version, version_of, write_rejections
from narrowcast.store.folders import require_room
from narrowcast.tasks import handler_for
from narrowcast.tasks.coverage import label_warnings, size_warnings, some

MINIMUM_ROWS = 10
_GROUP_ID = 16  # digits


def run(inputs: Inputs, options: Options, ctx: StageContext) -> PrepareResult:
    """Prepare a version from every import.

    Raises:
        DataError: if too few rows are left, or they cannot be divided without leakage.
    """
    work = Work(ctx.progress, ctx.cancel)
    with AcceptedRows(ctx.project, inputs.imports, ctx.cancel) as accepted:
        version = _divided(inputs, options, accepted, ctx)
        rows, rejections = version.rows, version.rejections
        ctx.progress.start(
            "writing the version", len(rejections) + sum(map(len, version.splits.rows.values()))
        )
        lines = (each.to_dict(rows.again(each.number)) for each in watched(rejections, work))
        write_rejections(ctx.project, lines)
        splits = {split: _rows_of(split, version, work) for split in version.splits.rows}
        manifest = save_version(ctx.project, version.manifest, splits, ctx.cancel, ctx.seal)
    if version.splits.former is not None:
        ctx.progress.note(version.splits.kept())
    return _result(manifest, version)


def preview(inputs: Inputs, options: Options, ctx: StageContext) -> PreparePreview:
    """Everything but the writing.

    Raises:
        DataError: as `run` would.
    """
    with AcceptedRows(ctx.project, inputs.imports, ctx.cancel) as accepted:
        version = _divided(inputs, options, accepted, ctx)
    return PreparePreview(
        version=version.manifest.version,
        rows={split.value: len(rows) for split, rows in version.splits.rows.items()},
        rejected=version.manifest.ledger.rejected,
        warnings=version.manifest.warnings,
        forecast=version.forecast,
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """A version that is not written yet."""

    manifest: DatasetManifest
    rows: ReviewedRows
    divided: Divided
    splits: Splits
    rejections: list[Rejection]
    forecast: WorkForecast


def _rows_of(split: Split, version: _Version, work: Work) -> Iterator[Example]:
    """The rows of a split as they are written: those of held-out splits with the group that they are in.

    A group is called after its first row, so that it keeps its name when others come and go.
    """
    rows = map(version.rows.again, watched(version.splits.numbers(split), work))
    if split is Split.TRAIN:
        yield from rows
        return
    table = version.splits.table
    leaders = version.divided.groups.leaders(len(table))[version.splits.rows[split]]
    for row, leader in zip(rows, leaders.tolist(), strict=True):
        yield replace(row, group_id=table.digest(leader)[:_GROUP_ID])


def _divided(inputs: Inputs, options: Options, accepted: AcceptedRows, ctx: StageContext) -> _Version:
    size = sum((ctx.project.accepted / f"{each.id}.jsonl").stat().st_size for each in inputs.imports)
    require_room(ctx.project.prepared, disk_bytes(size), "the data-set version")
    former, divided_anew = former_splits(ctx.project, options, ctx.cancel)
    handler = handler_for(inputs.task)
    rows = ReviewedRows(accepted, inputs.reviews, handler)
    count = sum(each.accepted for each in inputs.imports)
    reading = Reading(
        labelled=handler.answer is AnswerKind.LABEL, recognise=former is not None, expected=count
    )
    began = time.perf_counter()
    table, conflicting, warnings = read_rows(rows, options, reading, Work(ctx.progress, ctx.cancel))
    expected = forecast(ctx.project, count, size, time.perf_counter() - began)
    if (expected.seconds or 0) >= LONG:
        ctx.progress.note(f"prepare: {expected.sentence}")
    rejections = [*rows.rejections, *conflicting]
    _demand_rows(len(table), rejections)

    work, by = Work(ctx.progress, ctx.cancel), open_embedder(inputs, options, ctx)

    def texts() -> list[str]:
        return list(reading.texts(rows, table))

    divided = Division(table, options, former=former, texts=texts, by=by, work=work).without_leaks()
    if inputs.embedder and by is not None:
        splits_of = split_codes(table, divided.groups, divided.placed)
        least = least_cosine(by, options)
        divided = divided.with_semantic(semantic_shared(texts(), splits_of, by, least, work))
    _refuse_leakage(divided.leakage.report, options)
    splits, balanced = divided_splits(table, divided, frozenset(inputs.left_out), former)
    rejections += [*divided.rejections, *balanced]
    ctx.cancel.check()
    warnings += [*divided_anew, *_leak_warnings(divided.leakage.report)]
    warnings += _split_warnings(splits, labelled=reading.labelled)
    ledger = StageLedger(
        stage="prepare",
        rows_in=len(accepted),
        rows_out=sum(map(len, splits.rows.values())),
        rejected=dict(sorted(Counter(each.reason for each in rejections).items())),
    )
    hashes = {
        split: map(table.digest, stoppable(each.tolist(), ctx.cancel)) for split, each in splits.rows.items()
    }
    manifest = DatasetManifest(
        version=version_of(hashes),
        task=inputs.task,
        splits={},
        split_policy=_policy(splits, divided, options, inputs),
        leakage=divided.leakage.report,
        ledger=ledger,
        imports=inputs.imports,
        provenance=splits.provenance(),
        warnings=warnings,
    )
    return _Version(manifest, rows, divided, splits, rejections, expected)


def _policy(splits: Splits, divided: Divided, options: Options, inputs: Inputs) -> SplitPolicy:
    table = splits.table
    used = inputs.embedder or UsedEmbedder(name=DEFAULT, version="")
    return SplitPolicy(
        ratios=options.ratios(len(table)),
        seed=options.seed,
        group_key="group" if table.any_key and options.groups == "together" else None,
        near_duplicate_threshold=options.similarity if options.near_duplicates == "together" else None,
        edited_copies=options.copies == "together",
        clusters=options.clusters,
        groups=len(divided.groups),
        embedder=used.name,
        embedder_version=used.version,
    )


def _demand_rows(kept: int, rejected: Sequence[Rejection]) -> None:
    if kept >= MINIMUM_ROWS:
        return
    reasons = Counter(each.reason for each in rejected)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    raise DataError(
        f"{kept} usable row(s) cannot be split into train, dev and test; {MINIMUM_ROWS} are needed",
        where=f"rejected: {why}" if why else "all imports together",
        next_command="narrowcast data import --locator SCHEME:PATH, to add rows",
        reason_code="prepare_failed",
    )


def _refuse_leakage(report: LeakageReport, options: Options) -> None:
    leaks = report.exact_inputs_shared
    if options.near_duplicates == "together":
        leaks += report.near_duplicates_shared
    if options.groups == "together":
        leaks += report.groups_shared
    if leaks:
        raise DataError(
            f"held-out rows occur in train: {report.exact_inputs_shared} exactly, "
            f"{report.near_duplicates_shared} nearly, {report.groups_shared} group(s) shared",
            next_command="narrowcast prepare --seed 1; please report this with `narrowcast doctor --json`",
            reason_code="prepare_leakage_found",
        )


def _leak_warnings(report: LeakageReport) -> list[str]:
    warnings = []
    if report.near_duplicates_shared:
        warnings.append(f"{report.near_duplicates_shared} held-out rows have a near-duplicate in train")
    if report.edited_copies_shared:
        warnings.append(
            f"{report.edited_copies_shared} held-out rows have an edited copy in train; kept together, these "
            "rows would be more than 5 % of all"
        )
    if report.semantic_shared:
        warnings.append(
            f"{report.semantic_shared} held-out rows have a semantic duplicate in train; "
            "--clusters COSINE keeps such rows together"
        )
    if report.groups_shared:
        warnings.append(f"{report.groups_shared} groups are in more than one split")
    return warnings


def _split_warnings(splits: Splits, *, labelled: bool) -> list[str]:
    rows = {split: len(each) for split, each in splits.rows.items()}
    warnings = [f"the {split} split is empty" for split, count in rows.items() if not count]
    warnings += size_warnings(rows)
    if not labelled:
        return warnings
    labels = {split: splits.labels(split) for split in rows}
    for split in rows:
        unseen = sorted(labels[split].keys() - labels[Split.TRAIN].keys())
        if unseen:
            warnings.append(f"{len(unseen)} label(s) in {split} never occur in train: {some(unseen)}")
    return warnings + label_warnings(labels)


def _result(manifest: DatasetManifest, version: _Version) -> PrepareResult:
    summaries = [
        SplitSummary(
            split=split,
            rows=manifest.splits[split].rows,
            groups=len(groups),
            labels=version.splits.labels_of(version.divided.groups.rows_of(groups)),
        )
        for split, groups in version.divided.placed.items()
        if split in manifest.splits
    ]
    folder = f"data/prepared/{short(manifest.version)}"
    counts = ", ".join(f"{each.split} {each.rows:,}" for each in summaries)
    return PrepareResult(
        artifacts=[f"{folder}/manifest.json", *(file.path for file in manifest.splits.values())],
        ledger=manifest.ledger,
        summary=f"version {short(manifest.version)}: {counts}; {_leaked(manifest.leakage)}",
        payload={
            "version": manifest.version,
            "rows": {each.split.value: each.rows for each in summaries},
            "rejected": manifest.ledger.rejected,
            "leakage": manifest.leakage.model_dump(),
        },
        version=manifest.version,
        manifest=f"{folder}/manifest.json",
        splits=summaries,
        leakage=manifest.leakage,
        warnings=manifest.warnings,
    )


def _leaked(report: LeakageReport) -> str:
    counts = report.model_dump(exclude={"checked_pairs"})
    leaks = [f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    return f"leakage: {', '.join(leaks)}" if leaks else "no leakage"
