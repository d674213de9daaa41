"""Accepted rows read into a table: checked, and settled where equal inputs have different targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.example import Example
from narrowcast.core.progress import stoppable
from narrowcast.core.work import Work, watched
from narrowcast.similarity.examples import comparison_text, input_fields
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.rows import Rejection, ReviewedRows
from narrowcast.stages.prepare.table import RowTable, TableBuilder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reading:
    """What is kept of the rows.

    Attributes:
        labelled: targets are labels.
        recognise: rows are looked for in another version.
        expected: how many rows there are.
    """

    labelled: bool
    recognise: bool
    expected: int

    def texts(self, rows: ReviewedRows, table: RowTable) -> Iterator[str]:
        """What is compared of each row of a table."""
        for number in table.numbers.tolist():
            yield comparison_text(input_fields(rows.again(number).inputs), table.constant)


def read_rows(
    rows: ReviewedRows, options: Options, reading: Reading, work: Work
) -> tuple[RowTable, list[Rejection], list[str]]:
    """The usable rows; those that are rejected for their conflicts, and warnings.

    Raises:
        DataError: if an import is gone or was changed.
        CancelledError: on request.
    """
    work.progress.start("reading and checking rows", reading.expected)
    table = _table(rows, watched(rows.usable(), work), reading, work)
    conflicting = _conflicts(table)
    if not len(conflicting):
        return table, [], []
    if options.on_conflict == "warn":
        warning = (
            f"{len(conflicting)} rows have an input that also occurs with another target; "
            "--on-conflict reject rejects them"
        )
        return table, [], [warning]
    rejected = table.numbers[conflicting].tolist()
    left = sorted(set(table.numbers.tolist()).difference(rejected))
    del table
    kept = ((number, rows.again(number)) for number in stoppable(left, work.cancel))
    return (
        _table(rows, kept, reading, work),
        [Rejection(number, "conflicting_target") for number in rejected],
        [],
    )


def _table(
    rows: ReviewedRows, usable: Iterator[tuple[int, Example]], reading: Reading, work: Work
) -> RowTable:
    builder = TableBuilder(labelled=reading.labelled, recognise=reading.recognise)
    for number, row in usable:
        builder.add(number, row)
    constant = builder.constant
    if constant:
        again = map(rows.again, stoppable(builder.numbers, work.cancel))
        constant = builder.compare_without(constant, again)
    return builder.table(constant)


def _conflicts(table: RowTable) -> NDArray[np.int64]:
    """Rows that have the input of another one, and another target; ascending."""
    import numpy as np

    order = np.lexsort((table.targets, table.equal))
    equal, targets = table.equal[order], table.targets[order]
    same = equal[1:] == equal[:-1]
    contradicted = np.unique(equal[1:][same & (targets[1:] != targets[:-1])])
    found: NDArray[np.int64] = np.flatnonzero(np.isin(table.equal, contradicted))
    return found
