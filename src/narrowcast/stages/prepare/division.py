"""Rows connected into groups, groups divided over the splits, and what leaked all the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.similarity.copies import Copy, edited_copies
from narrowcast.similarity.examples import comparison_texts, exact_groups
from narrowcast.similarity.joins import join_copies
from narrowcast.similarity.leakage import Leakage, measure_leakage
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.similarity.union_find import UnionFind
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.rows import Rejection
from narrowcast.stages.prepare.split import Former, Group, allocate, make_group

Placed = dict[Split, list[Group]]

_ROUNDS = 4


class Division:
    """Connects rows, divides the groups, and looks for what leaked."""

    def __init__(
        self,
        rows: Sequence[Example],
        options: Options,
        *,
        stratify: bool,
        former: Former | None = None,
        cancel: CancelToken = UNSTOPPABLE,
    ) -> None:
        self._rows = rows
        self._options = options
        self._stratify = stratify
        self._former = former or {}
        self._cancel = cancel
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
            for group in near_duplicates(self._texts, options.similarity, cancel).groups:
                self._sets.union_all(group)
        if options.clusters is not None:
            cancel.check()
            for group in semantic_groups(self._texts, threshold=options.clusters):
                self._sets.union_all(group)
        self._apart: list[Copy] = []
        if options.near_duplicates == options.copies == "together":
            self._apart = join_copies(self._sets, edited_copies(self._texts, cancel), len(rows))

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
        for members in stoppable(self._sets.components(), self._cancel):
            rows = [self._rows[number] for number in members]
            group, dropped = make_group(
                rows, seed=self._options.seed, stratify=self._stratify, former=self._former
            )
            groups.append(group)
            rejected += dropped
        return allocate(groups, self._options.ratios(len(self._rows))), rejected

    def _measure(self, placed: Mapping[Split, Sequence[Group]]) -> Leakage:
        # By identity: a million names of rows take a hundred megabytes.
        where = {id(row): split for split, groups in placed.items() for group in groups for row in group.rows}
        splits = [where.get(id(row)) for row in self._rows]
        del where
        numbers = [number for number, split in enumerate(splits) if split is not None]
        leakage = measure_leakage(
            [self._texts[number] for number in numbers],
            [self._rows[number].group for number in numbers],
            [split for split in splits if split is not None],
            self._options.similarity,
            self._cancel,
        )
        shared = self._copies_shared(splits)
        report = leakage.report.model_copy(update={"edited_copies_shared": shared})
        return Leakage(report, [(numbers[left], numbers[right]) for left, right in leakage.pairs])

    def _copies_shared(self, splits: Sequence[Split | None]) -> int:
        """Held-out rows of which train has an edited copy that was left apart."""
        held = set()
        for copy in self._apart:
            for mine, theirs in ((copy.left, copy.right), (copy.right, copy.left)):
                if splits[theirs] is Split.TRAIN and splits[mine] not in (None, Split.TRAIN):
                    held.add(mine)
        return len(held)


def _keyed(rows: Sequence[Example]) -> dict[str, list[int]]:
    keyed: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.group is not None:
            keyed[row.group].append(number)
    return keyed


def _families(rows: Sequence[Example]) -> Iterator[list[int]]:
    """Each row with those that were generated after it: siblings belong together without it as well."""
    families: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for parent in row.parents:
            families[parent].append(number)
    if families:
        for number, row in enumerate(rows):
            if row.id in families:
                families[row.id].append(number)
    yield from families.values()
