"""Rows in, one data-set version out: check, connect, divide, prove, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowcast.core.example import Example
from narrowcast.core.forecast import LONG, WorkForecast
from narrowcast.core.hashing import short
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.progress import stoppable
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError
from narrowcast.similarity.examples import comparison_texts, exact_groups
from narrowcast.stages.prepare.division import Division, Placed
from narrowcast.stages.prepare.forecast import disk_bytes, forecast
from narrowcast.stages.prepare.former import former_splits
from narrowcast.stages.prepare.options import Inputs, Options, PreparePreview, PrepareResult, SplitSummary
from narrowcast.stages.prepare.reviewed import apply_reviews
from narrowcast.stages.prepare.rows import (
    Rejection,
    check_task,
    conflicts,
)
from narrowcast.stages.prepare.split import Former, row_order, same_row
from narrowcast.store.datasets import dataset_version, save_version, write_rejections
from narrowcast.store.folders import require_room
from narrowcast.store.import_rows import accepted_rows
from narrowcast.tasks import handler_for
from narrowcast.tasks.coverage import label_warnings, size_warnings, some

MINIMUM_ROWS = 10


def run(inputs: Inputs, options: Options, ctx: StageContext) -> PrepareResult:
    """Prepare a version from every import.

    Raises:
        DataError: if too few rows are left, or they cannot be divided without leakage.
    """
    version = _divided(inputs, options, ctx)
    write_rejections(ctx.project, (each.to_dict() for each in stoppable(version.rejected, ctx.cancel)))
    manifest = save_version(ctx.project, version.manifest, version.splits, ctx.cancel, ctx.seal)
    if version.former:
        ctx.progress.note(_kept(version.former, version.splits))
    return _result(manifest, version.placed, labelled=version.labelled)


def preview(inputs: Inputs, options: Options, ctx: StageContext) -> PreparePreview:
    """Everything but the writing.

    Raises:
        DataError: as `run` would.
    """
    version = _divided(inputs, options, ctx)
    return PreparePreview(
        version=version.manifest.version,
        rows={split.value: len(rows) for split, rows in version.splits.items()},
        rejected=version.manifest.ledger.rejected,
        warnings=version.manifest.warnings,
        forecast=version.forecast,
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """A version that is not written yet."""

    manifest: DatasetManifest
    splits: dict[Split, list[Example]]
    placed: Placed
    rejected: list[Rejection]
    former: Former
    labelled: bool
    forecast: WorkForecast


def _divided(inputs: Inputs, options: Options, ctx: StageContext) -> _Version:
    size = sum((ctx.project.accepted / f"{each.id}.jsonl").stat().st_size for each in inputs.imports)
    require_room(ctx.project.prepared, disk_bytes(size), "the data-set version")
    ctx.progress.start("reading and checking rows")
    began = time.perf_counter()
    everything = list(stoppable(accepted_rows(ctx.project, inputs.imports), ctx.cancel))
    kept, reviewed = apply_reviews(everything, inputs.reviews)
    handler = handler_for(inputs.task)
    labelled = handler.answer is AnswerKind.LABEL
    kept, rejected = check_task(handler, kept)
    expected = forecast(ctx.project, len(everything), size, time.perf_counter() - began)
    if (expected.seconds or 0) >= LONG:
        ctx.progress.note(f"prepare: {expected.sentence}")
    rejected += reviewed
    kept, conflicting, warnings = _settle_conflicts(kept, options)
    rejected += conflicting
    _demand_rows(kept, rejected)
    ctx.cancel.check()

    ctx.progress.start("finding near-duplicates and assigning groups")
    former, divided_anew = former_splits(ctx.project, options)
    warnings += divided_anew
    division = Division(kept, options, stratify=labelled, former=former, cancel=ctx.cancel)
    placed, leaking, leakage = division.without_leaks()
    rejected += leaking
    _refuse_leakage(leakage.report, options)
    ctx.cancel.check()

    splits = {
        split: sorted((row for group in stoppable(groups, ctx.cancel) for row in group.rows), key=row_order)
        for split, groups in placed.items()
        if groups or split is not Split.GOLDEN
    }
    splits[Split.TRAIN], balanced = _balanced(splits[Split.TRAIN], frozenset(inputs.left_out))
    rejected += balanced
    warnings += [*_leak_warnings(leakage.report), *_split_warnings(splits, labelled=labelled)]
    ledger = StageLedger(
        stage="prepare",
        rows_in=len(everything),
        rows_out=sum(map(len, splits.values())),
        rejected=dict(sorted(Counter(each.reason for each in rejected).items())),
    )
    manifest = DatasetManifest(
        version=dataset_version(splits),
        task=inputs.task,
        splits={},
        split_policy=_policy(kept, placed, options),
        leakage=leakage.report,
        ledger=ledger,
        imports=inputs.imports,
        provenance=dict(sorted(Counter(row.provenance for rows in splits.values() for row in rows).items())),
        warnings=warnings,
    )
    return _Version(manifest, splits, placed, rejected, former, labelled, expected)


def _policy(rows: Sequence[Example], placed: Placed, options: Options) -> SplitPolicy:
    return SplitPolicy(
        ratios=options.ratios(len(rows)),
        seed=options.seed,
        group_key="group" if any(row.group for row in rows) and options.groups == "together" else None,
        near_duplicate_threshold=options.similarity if options.near_duplicates == "together" else None,
        edited_copies=options.copies == "together",
        clusters=options.clusters,
        groups=sum(map(len, placed.values())),
    )


def _balanced(rows: Sequence[Example], left_out: frozenset[str]) -> tuple[list[Example], list[Rejection]]:
    """Train without the rows that balancing leaves out; held-out rows keep the proportions they have.

    Raises:
        DataError: if nothing would be left.
    """
    kept = [row for row in rows if row.id not in left_out]
    if rows and not kept:
        raise DataError(
            "balancing leaves no train rows",
            where="registry/balance.json",
            next_command="narrowcast data balance --undo",
            reason_code="prepare_failed",
        )
    return kept, [Rejection(row, "balanced_out") for row in rows if row.id in left_out]


def _settle_conflicts(
    rows: list[Example], options: Options
) -> tuple[list[Example], list[Rejection], list[str]]:
    """Find equal inputs with different targets; reject them where that was asked for."""
    conflicting = set(conflicts(rows, exact_groups(comparison_texts(rows))))
    if not conflicting:
        return rows, [], []
    if options.on_conflict == "reject":
        rejected = [Rejection(rows[number], "conflicting_target") for number in sorted(conflicting)]
        return [row for number, row in enumerate(rows) if number not in conflicting], rejected, []
    return (
        rows,
        [],
        [
            f"{len(conflicting)} rows have an input that also occurs with another target; "
            "--on-conflict reject rejects them"
        ],
    )


def _demand_rows(kept: Sequence[Example], rejected: Sequence[Rejection]) -> None:
    if len(kept) >= MINIMUM_ROWS:
        return
    reasons = Counter(each.reason for each in rejected)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    raise DataError(
        f"{len(kept)} usable row(s) cannot be split into train, dev and test; {MINIMUM_ROWS} are needed",
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
    if report.groups_shared:
        warnings.append(f"{report.groups_shared} groups are in more than one split")
    return warnings


def _split_warnings(splits: Mapping[Split, Sequence[Example]], *, labelled: bool) -> list[str]:
    warnings = [f"the {split} split is empty" for split, rows in splits.items() if not rows]
    warnings += size_warnings({split: len(rows) for split, rows in splits.items()})
    if not labelled:
        return warnings
    trained = {row.target for row in splits[Split.TRAIN]}
    for split, rows in splits.items():
        unseen = sorted({str(row.target) for row in rows if row.target not in trained})
        if unseen:
            warnings.append(f"{len(unseen)} label(s) in {split} never occur in train: {some(unseen)}")
    return warnings + label_warnings(splits)


def _kept(former: Former, splits: Mapping[Split, Sequence[Example]]) -> str:
    """How many rows of the version before are in the same split."""
    before = [(former.get(same_row(row)), split) for split, rows in splits.items() for row in rows]
    known = [(was, now) for was, now in before if was is not None]
    same = sum(was is now for was, now in known)
    return f"{same:,} of {len(known):,} rows of the version before keep their split"


def _result(manifest: DatasetManifest, placed: Placed, *, labelled: bool) -> PrepareResult:
    summaries = [
        SplitSummary(
            split=split,
            rows=manifest.splits[split].rows,
            groups=len(groups),
            labels=(len({str(row.target) for group in groups for row in group.rows}) if labelled else None),
        )
        for split, groups in placed.items()
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
