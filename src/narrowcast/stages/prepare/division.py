"""Rows connected into groups, groups divided over the splits, and what leaked all the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from narrowcast.core.names import Split
from narrowcast.core.progress import stoppable
from narrowcast.core.work import Work
from narrowcast.errors import DataError
from narrowcast.similarity.copies import Copy, copies_of
from narrowcast.similarity.embedders import Embedder
from narrowcast.similarity.equal_texts import equal_groups
from narrowcast.similarity.joins import join_copies
from narrowcast.similarity.leakage import Leakage, Placing, leakage_between
from narrowcast.similarity.near_duplicates import similar_groups
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.similarity.union_find import UnionFind
from narrowcast.stages.prepare.former import FormerSplits
from narrowcast.stages.prepare.groups import Groups, make_groups
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.rows import Rejection
from narrowcast.stages.prepare.split import Placed, allocate
from narrowcast.stages.prepare.table import CODES, NO_SPLIT, RowTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDS = 4
_TRAIN = CODES[Split.TRAIN]


@dataclass(frozen=True, slots=True)
class Divided:
    """Groups, the split of each, the rows that no split takes, and what was found by the comparison."""

    groups: Groups
    placed: Placed
    rejections: list[Rejection]
    leakage: Leakage

    def with_semantic(self, count: int) -> Divided:
        """The same with the number of held-out rows that train has in other words."""
        report = self.leakage.report.model_copy(update={"semantic_shared": count})
        return replace(self, leakage=replace(self.leakage, report=report))


class Division:
    """Connects rows, divides the groups, and looks for what leaked.

    Args:
        table: the rows.
        options: of the stage.
        former: where rows were.
        texts: what is compared of each row, where meanings are compared.
        by: compares them; the default where None.
        work: shows progress, and stops it.
    """

    def __init__(
        self,
        table: RowTable,
        options: Options,
        *,
        former: FormerSplits | None = None,
        texts: Callable[[], list[str]] = list,
        by: Embedder | None = None,
        work: Work | None = None,
    ) -> None:
        self._table = table
        self._options = options
        self._former = former
        self._work = work or Work()
        self._sets = UnionFind(len(table))
        self._apart: list[Copy] = []
        cancel = self._work.cancel
        for group in stoppable(equal_groups(table.equal), cancel):
            self._sets.union_all(group)
        if options.groups == "together":
            self._join_keys()
            for family in stoppable(_families(table), cancel):
                self._sets.union_all(family)
        if options.near_duplicates == "together":
            for group in similar_groups(table.forms, options.similarity, self._work).groups:
                self._sets.union_all(group)
        if options.clusters is not None:
            self._work.progress.start("comparing meanings")
            cancel.check()
            for group in semantic_groups(texts(), by, options.clusters, self._work):
                self._sets.union_all(group)
        if options.near_duplicates == options.copies == "together":
            self._apart = join_copies(self._sets, copies_of(table.forms, self._work), len(table))

    def _join_keys(self) -> None:
        """Join the rows of a group key, each with the one before it."""
        import numpy as np

        keys = self._table.keys
        order = np.argsort(keys, kind="stable")
        order = order[keys[order] >= 0]
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        pairs = zip(order[same].tolist(), order[same + 1].tolist(), strict=True)
        for before, row in stoppable(pairs, self._work.cancel):
            self._sets.union(before, row)

    def without_leaks(self) -> Divided:
        """Divide and measure; pairs the sketches missed are joined, and the rows divided again.

        Raises:
            DataError: if there are too few groups.
            CancelledError: on request.
        """
        for _ in range(_ROUNDS):
            self._work.progress.start("assigning groups to splits")
            divided = self._divide()
            if not divided.leakage.pairs or self._options.near_duplicates == "free":
                break
            for pair in divided.leakage.pairs:
                self._sets.union(*pair)
        return divided

    def _divide(self) -> Divided:
        table, cancel = self._table, self._work.cancel
        self._require_several()
        groups, rejections = make_groups(
            table, self._sets.names(), seed=self._options.seed, former=self._former, cancel=cancel
        )
        placed = allocate(groups, self._options.ratios(len(table)), cancel)
        splits = split_codes(table, groups, placed)
        self._work.progress.start("comparing held-out rows with train")
        leakage = leakage_between(
            Placing(table.forms, table.equal, table.keys, splits == _TRAIN, splits < _TRAIN),
            splits,
            self._options.similarity,
            cancel,
        )
        report = leakage.report.model_copy(update={"edited_copies_shared": self._copies_shared(splits)})
        return Divided(groups, placed, rejections, Leakage(report, leakage.pairs))

    def _require_several(self) -> None:
        """Refuse rows that nothing can divide; the general advice on similar rows would not help."""
        keys, equal = self._table.keys, self._table.equal
        joined = self._options.groups == "together"
        if len(equal) > 1 and (equal == equal[0]).all():
            what, command = "all rows have the same input", "narrowcast data import --locator SCHEME:PATH"
        elif len(keys) > 1 and joined and keys[0] >= 0 and (keys == keys[0]).all():
            what, command = "all rows have the same group key", "narrowcast prepare --groups free"
        else:
            return
        raise DataError(
            f"{what}, and such rows are never divided", next_command=command, reason_code="prepare_failed"
        )

    def _copies_shared(self, splits: NDArray[np.int8]) -> int:
        """Held-out rows of which train has an edited copy that was left apart."""
        held = set()
        for copy in self._apart:
            for mine, theirs in ((copy.left, copy.right), (copy.right, copy.left)):
                if splits[theirs] == _TRAIN and splits[mine] < _TRAIN:
                    held.add(mine)
        return len(held)


def split_codes(table: RowTable, groups: Groups, placed: Placed) -> NDArray[np.int8]:
    """By row, the code of its split; that of no split where it was rejected."""
    import numpy as np

    splits = np.full(len(table), NO_SPLIT, np.int8)
    for split, some in placed.items():
        splits[groups.rows_of(some)] = CODES[split]
    return splits


def _families(table: RowTable) -> Iterator[list[int]]:
    """Each row with those that were generated after it: siblings belong together without it as well."""
    families: dict[str, list[int]] = defaultdict(list)
    for row, parents in table.parents.items():
        for parent in parents:
            families[parent].append(row)
    if families:
        for row in range(len(table)):
            if (name := table.id_of(row)) in families:
                families[name].append(row)
    yield from families.values()
