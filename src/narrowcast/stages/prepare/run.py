"""Rows in, one data-set version out: check, connect, divide, prove, write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from narrowcast.core.example import Example
from narrowcast.core.hashing import short
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError
from narrowcast.similarity.examples import comparison_texts, exact_groups
from narrowcast.similarity.leakage import Leakage, measure_leakage
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.similarity.union_find import UnionFind
from narrowcast.stages.prepare.options import Inputs, Options, PreparePreview, PrepareResult, SplitSummary
from narrowcast.stages.prepare.reviewed import apply_reviews
from narrowcast.stages.prepare.rows import (
    Rejection,
    check_task,
    conflicts,
)
from narrowcast.stages.prepare.split import Group, allocate, make_group, row_order
from narrowcast.store.datasets import dataset_version, save_version, write_rejections
from narrowcast.store.folders import require_room
from narrowcast.store.import_rows import accepted_rows
from narrowcast.tasks import handler_for

MINIMUM_ROWS = 10
_ROUNDS = 4
_COPIES = 2  # the splits, and the held-out ones once more as the current

Placed = dict[Split, list[Group]]


def run(inputs: Inputs, options: Options, ctx: StageContext) -> PrepareResult:
    """Prepare a version from every import.

    Raises:
        DataError: if too few rows are left, or they cannot be divided without leakage.
    """
    version = _divided(inputs, options, ctx)
    write_rejections(ctx.project, (each.to_dict() for each in version.rejected))
    manifest = save_version(ctx.project, version.manifest, version.splits)
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
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """A version that is not written yet."""

    manifest: DatasetManifest
    splits: dict[Split, list[Example]]
    placed: Placed
    rejected: list[Rejection]
    labelled: bool


def _divided(inputs: Inputs, options: Options, ctx: StageContext) -> _Version:
    size = sum((ctx.project.accepted / f"{each.id}.jsonl").stat().st_size for each in inputs.imports)
    require_room(ctx.project.prepared, _COPIES * size, "the data-set version")
    ctx.progress.start("reading and checking rows")
    everything = list(accepted_rows(ctx.project, inputs.imports))
    kept, reviewed = apply_reviews(everything, inputs.reviews)
    handler = handler_for(inputs.task)
    labelled = handler.answer is AnswerKind.LABEL
    kept, rejected = check_task(handler, kept)
    rejected += reviewed
    kept, conflicting, warnings = _settle_conflicts(kept, options)
    rejected += conflicting
    _demand_rows(kept, rejected)
    ctx.cancel.check()

    ctx.progress.start("finding near-duplicates and assigning groups")
    division = Division(kept, options, stratify=labelled)
    placed, leaking, leakage = division.without_leaks()
    rejected += leaking
    _refuse_leakage(leakage.report, options)
    ctx.cancel.check()

    splits = {
        split: sorted((row for group in groups for row in group.rows), key=row_order)
        for split, groups in placed.items()
        if groups or split is not Split.GOLDEN
    }
    splits[Split.TRAIN], balanced = _balanced(splits[Split.TRAIN], frozenset(inputs.left_out))
    rejected += balanced
    warnings += _split_warnings(splits, leakage.report, labelled=labelled)
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
        split_policy=SplitPolicy(
            ratios=options.ratios(len(kept)),
            seed=options.seed,
            group_key="group" if any(row.group for row in kept) and options.groups == "together" else None,
            near_duplicate_threshold=(options.similarity if options.near_duplicates == "together" else None),
            groups=sum(map(len, placed.values())),
        ),
        leakage=leakage.report,
        ledger=ledger,
        imports=inputs.imports,
        provenance=dict(sorted(Counter(row.provenance for rows in splits.values() for row in rows).items())),
        warnings=warnings,
    )
    return _Version(manifest, splits, placed, rejected, labelled)


class Division:
    """Connects rows, divides the groups, and looks for what leaked."""

    def __init__(self, rows: Sequence[Example], options: Options, *, stratify: bool) -> None:
        self._rows = rows
        self._options = options
        self._stratify = stratify
        self._texts = comparison_texts(rows)
        self._sets = UnionFind(len(rows))
        for group in exact_groups(self._texts):
            self._sets.union_all(group)
        if options.groups == "together":
            for group in _keyed(rows).values():
                self._sets.union_all(group)
            for family in _families(rows):
                self._sets.union_all(family)
        if options.near_duplicates == "together":
            for group in near_duplicates(self._texts, options.similarity).groups:
                self._sets.union_all(group)
        if options.clusters is not None:
            for group in semantic_groups(self._texts, threshold=options.clusters):
                self._sets.union_all(group)

    def without_leaks(self) -> tuple[Placed, list[Rejection], Leakage]:
        """Divide and measure; pairs the sketches missed are joined, and the rows divided again."""
        for _ in range(_ROUNDS):
            placed, rejected = self._divide()
            leakage = self._measure(placed)
            if not leakage.pairs or self._options.near_duplicates == "free":
                break
            for pair in leakage.pairs:
                self._sets.union(*pair)
        return placed, rejected, leakage

    def _divide(self) -> tuple[Placed, list[Rejection]]:
        groups: list[Group] = []
        rejected: list[Rejection] = []
        for members in self._sets.components():
            rows = [self._rows[number] for number in members]
            group, dropped = make_group(rows, seed=self._options.seed, stratify=self._stratify)
            groups.append(group)
            rejected += dropped
        return allocate(groups, self._options.ratios(len(self._rows))), rejected

    def _measure(self, placed: Mapping[Split, Sequence[Group]]) -> Leakage:
        where = {row.id: split for split, groups in placed.items() for group in groups for row in group.rows}
        numbers = [number for number, row in enumerate(self._rows) if row.id in where]
        leakage = measure_leakage(
            [self._texts[number] for number in numbers],
            [self._rows[number].group for number in numbers],
            [where[self._rows[number].id] for number in numbers],
            self._options.similarity,
        )
        return Leakage(leakage.report, [(numbers[left], numbers[right]) for left, right in leakage.pairs])


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


def _keyed(rows: Sequence[Example]) -> dict[str, list[int]]:
    keyed: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.group is not None:
            keyed[row.group].append(number)
    return keyed


def _families(rows: Sequence[Example]) -> Iterator[list[int]]:
    """Each generated row with the rows it was made after."""
    numbers = {row.id: number for number, row in enumerate(rows)}
    for number, row in enumerate(rows):
        if row.parents:
            yield [number, *(numbers[parent] for parent in row.parents if parent in numbers)]


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


def _split_warnings(
    splits: Mapping[Split, Sequence[Example]], report: LeakageReport, *, labelled: bool
) -> list[str]:
    warnings = [f"the {split} split is empty" for split, rows in splits.items() if not rows]
    if report.near_duplicates_shared:
        warnings.append(f"{report.near_duplicates_shared} held-out rows have a near-duplicate in train")
    if report.groups_shared:
        warnings.append(f"{report.groups_shared} groups are in more than one split")
    if labelled:
        trained = {row.target for row in splits[Split.TRAIN]}
        for split, rows in splits.items():
            unseen = sorted({str(row.target) for row in rows if row.target not in trained})
            if unseen:
                named = ", ".join(unseen[:5]) + (", ..." if len(unseen) > 5 else "")
                warnings.append(f"{len(unseen)} label(s) in {split} never occur in train: {named}")
    return warnings


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
        summary=f"version {short(manifest.version)}: {counts}; no leakage",
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
