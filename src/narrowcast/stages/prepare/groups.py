"""Rows that stay together, as arrays: what decides where each group goes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.names import Split
from narrowcast.core.progress import CancelToken, stoppable
from narrowcast.stages.prepare.former import FormerSplits
from narrowcast.stages.prepare.rows import Rejection
from narrowcast.stages.prepare.table import CODES, NO_SPLIT, STRICTEST, RowTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TRAIN = CODES[Split.TRAIN]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups by number, in the order of their first rows.

    Attributes:
        rows: of the table, group after group, each in the order of files.
        starts: where the rows of each group begin in `rows`, and where the last one ends.
        ranks: hashes that decide the order in which groups are assigned, four numbers each.
        strata: the most frequent label of each, by code.
        fixed: the code of the split that rows of it were imported into.
        former: the code of its split in the version before; of several, that which must stay unseen most.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    ranks: NDArray[np.uint64]
    strata: NDArray[np.int64]
    fixed: NDArray[np.int8]
    former: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each."""
        import numpy as np

        return np.diff(self.starts)

    def leaders(self, size: int) -> NDArray[np.int32]:
        """By row of a table of that size, the first row of its group; -1 for a row that is in none."""
        import numpy as np

        leaders = np.full(size, -1, np.int32)
        leaders[self.rows] = np.repeat(self.rows[self.starts[:-1]], self.sizes)
        return leaders

    def rows_of(self, groups: list[int]) -> NDArray[np.int32]:
        """The rows of some groups."""
        import numpy as np

        chosen = np.zeros(len(self), np.bool_)
        chosen[groups] = True
        return self.rows[np.repeat(chosen, self.sizes)]


def make_groups(
    table: RowTable,
    names: NDArray[np.int32],
    *,
    seed: int,
    former: FormerSplits | None,
    cancel: CancelToken,
) -> tuple[Groups, list[Rejection]]:
    """Groups of connected rows; where one touches a fixed held-out split, its other rows are rejected.

    Nothing may be added to a set that was fixed by hand, and nothing that resembles it may be trained on.

    Args:
        table: the rows.
        names: by row, the first row that it is connected with.
        seed: of the ranks.
        former: where rows were.
        cancel: stops it.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    _, group = np.unique(names, return_inverse=True)
    fixed = np.full(int(group.max()) + 1, NO_SPLIT, np.int8)
    np.minimum.at(fixed, group, table.fixed)
    dropped = (fixed[group] < _TRAIN) & (table.fixed != fixed[group])
    rejections = [
        _leaking(int(table.numbers[row]), STRICTEST[fixed[group[row]]])
        for row in np.flatnonzero(dropped)[np.argsort(group[dropped], kind="stable")].tolist()
    ]
    rows = table.order[~dropped[table.order]]
    rows = rows[np.argsort(group[rows], kind="stable")]
    starts = np.searchsorted(group[rows], np.arange(len(fixed) + 1))
    cancel.check()
    return (
        Groups(
            rows=rows,
            starts=starts,
            ranks=_ranks(table, rows[starts[:-1]], seed, cancel),
            strata=_strata(table, rows, group[rows]),
            fixed=fixed,
            former=_former(table, rows, starts, former),
        ),
        rejections,
    )


def _leaking(number: int, split: Split) -> Rejection:
    return Rejection(number, f"leaks_into_{split}", f"same group as a row that was imported into {split}")


def _ranks(table: RowTable, first: NDArray[np.int32], seed: int, cancel: CancelToken) -> NDArray[np.uint64]:
    import numpy as np

    digests = bytearray()
    for row in stoppable(first.tolist(), cancel):
        digests += hashlib.sha256(f"{seed}:{table.digest(row)}".encode()).digest()
    return np.frombuffer(bytes(digests), ">u8").reshape(-1, 4).astype(np.uint64)


def _strata(table: RowTable, rows: NDArray[np.int32], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent label of each group; of those alike, the first by name."""
    import numpy as np

    size = len(table.label_names)
    both, counts = np.unique(group * size + table.labels[rows], return_counts=True)
    order = np.lexsort((both, -counts, both // size))
    of = both[order] // size
    first = np.ones(len(of), np.bool_)
    first[1:] = of[1:] != of[:-1]
    strata: NDArray[np.int64] = both[order][first] % size
    return strata


def _former(
    table: RowTable, rows: NDArray[np.int32], starts: NDArray[np.int64], former: FormerSplits | None
) -> NDArray[np.int8]:
    import numpy as np

    if former is None:
        return np.full(len(starts) - 1, NO_SPLIT, np.int8)
    strictest: NDArray[np.int8] = np.minimum.reduceat(former.of(table.same[rows]), starts[:-1])
    return strictest
