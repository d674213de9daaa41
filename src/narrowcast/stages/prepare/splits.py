"""The rows of each split, in the order of its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.names import Provenance, Split
from narrowcast.errors import DataError
from narrowcast.stages.prepare.division import Divided, split_codes
from narrowcast.stages.prepare.former import FormerSplits
from narrowcast.stages.prepare.rows import Rejection
from narrowcast.stages.prepare.table import CODES, NO_SPLIT, RowTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Splits:
    """Rows of a table by split; golden is absent where it has no groups."""

    table: RowTable
    rows: dict[Split, NDArray[np.int32]]
    former: FormerSplits | None

    def numbers(self, split: Split) -> list[int]:
        """The numbers of its rows among the accepted ones."""
        numbers: list[int] = self.table.numbers[self.rows[split]].tolist()
        return numbers

    def labels(self, split: Split) -> Counter[str]:
        """How many rows each of its labels has."""
        import numpy as np

        names = self.table.label_names
        counts = np.bincount(self.table.labels[self.rows[split]], minlength=len(names))
        return Counter({name: count for name, count in zip(names, counts.tolist(), strict=True) if count})

    def labels_of(self, rows: NDArray[np.int32]) -> int | None:
        """Different labels of some rows; None where targets are no labels."""
        import numpy as np

        return len(np.unique(self.table.labels[rows])) if self.table.labelled else None

    def provenance(self) -> dict[Provenance, int]:
        """How many rows each kind of author wrote, by name."""
        import numpy as np

        names = self.table.provenance_names
        counts = np.zeros(len(names), np.int64)
        for rows in self.rows.values():
            counts += np.bincount(self.table.provenance[rows], minlength=len(names))
        every = sorted(zip(names, counts.tolist(), strict=True))
        return {Provenance(name): count for name, count in every if count}

    def kept(self) -> str:
        """How many rows of the version before are in the same split."""
        known = same = 0
        for split, rows in self.rows.items():
            before = self.former.of(self.table.same[rows]) if self.former else rows[:0]
            known += int((before != NO_SPLIT).sum())
            same += int((before == CODES[split]).sum())
        return f"{same:,} of {known:,} rows of the version before keep their split"


def divided_splits(
    table: RowTable, divided: Divided, left_out: Set[str], former: FormerSplits | None
) -> tuple[Splits, list[Rejection]]:
    """The rows of each split, and those that balancing leaves out of train; held-out rows keep their shares.

    Raises:
        DataError: if balancing leaves no train rows.
    """
    placed = split_codes(table, divided.groups, divided.placed)[table.order]
    rows = {
        split: table.order[placed == CODES[split]]
        for split, groups in divided.placed.items()
        if groups or split is not Split.GOLDEN
    }
    train = rows[Split.TRAIN]
    balanced = [row for row in train.tolist() if table.id_of(row) in left_out] if left_out else []
    if balanced:
        import numpy as np

        if len(balanced) == len(train):
            raise DataError(
                "balancing leaves no train rows",
                where="registry/balance.json",
                next_command="narrowcast data balance --undo",
                reason_code="prepare_failed",
            )
        rows[Split.TRAIN] = train[~np.isin(train, balanced)]
    return (
        Splits(table, rows, former),
        [Rejection(int(table.numbers[row]), "balanced_out") for row in balanced],
    )
