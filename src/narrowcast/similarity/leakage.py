"""The proof after the split: what of the held-out rows can be found in train.

Computed from the finished splits alone, by another method than the grouping: texts are looked up exactly,
and similar ones by a join (`set_join`) that misses no pair, up to a cap on the candidates of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.manifest import LeakageReport
from narrowcast.core.names import Split
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.similarity.forms import Forms, forms_of
from narrowcast.similarity.rarity import codes_by_rarity
from narrowcast.similarity.set_join import most_similar
from narrowcast.similarity.shingles import normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Leakage:
    """The report, and the pairs behind it as (row in train, held-out row) so that they can be joined."""

    report: LeakageReport
    pairs: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Placing:
    """Rows, by number, and which of them are in train and which are held out; others are in neither.

    Attributes:
        forms: normal forms of the rows' texts.
        equal: a number for each text, the same where texts are equal but for case and white space.
        keys: a number for each group key; -1 without one.
        train: which rows are in train.
        held_out: which rows are held out.
    """

    forms: Forms
    equal: NDArray[np.uint64]
    keys: NDArray[np.int32]
    train: NDArray[np.bool_]
    held_out: NDArray[np.bool_]


def measure_leakage(
    texts: Sequence[str],
    keys: Sequence[str | None],
    splits: Sequence[Split],
    threshold: float,
    cancel: CancelToken = UNSTOPPABLE,
) -> Leakage:
    """Compare every held-out row with train; the three sequences describe the same rows, by number.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    numbers: dict[str, int] = {}
    equal = [numbers.setdefault(normalised(text), len(numbers)) for text in stoppable(texts, cancel)]
    known: dict[str, int] = {}
    named = [-1 if key is None else known.setdefault(key, len(known)) for key in keys]
    codes = np.array([list(Split).index(split) for split in splits], np.int8)
    train = codes == list(Split).index(Split.TRAIN)
    placing = Placing(
        forms_of(texts, cancel), np.array(equal, np.uint64), np.array(named, np.int32), train, ~train
    )
    return leakage_between(placing, codes, threshold, cancel)


def leakage_between(
    rows: Placing, splits: NDArray[np.int8], threshold: float, cancel: CancelToken = UNSTOPPABLE
) -> Leakage:
    """The same for rows whose texts were looked at before; `splits` has a number for each row's split.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    pairs, checked = _similar_pairs(rows, threshold, cancel)
    placed = rows.train | rows.held_out
    report = LeakageReport(
        exact_inputs_shared=int(np.isin(rows.equal[rows.held_out], rows.equal[rows.train]).sum()),
        near_duplicates_shared=len({row for _, row in pairs}),
        groups_shared=_shared_groups(rows.keys[placed], splits[placed]),
        checked_pairs=checked,
    )
    return Leakage(report, pairs)


def _shared_groups(keys: NDArray[np.int32], splits: NDArray[np.int8]) -> int:
    """Group keys with rows in several splits."""
    import numpy as np

    named = keys >= 0
    both = np.unique(keys[named].astype(np.int64) * len(Split) + splits[named]) // len(Split)
    return len(np.unique(both[1:][both[1:] == both[:-1]]))


def _similar_pairs(rows: Placing, threshold: float, cancel: CancelToken) -> tuple[list[tuple[int, int]], int]:
    """One pair for each held-out row that has a similar row in train, and the comparisons made."""
    import numpy as np

    train, held_out = np.flatnonzero(rows.train), np.flatnonzero(rows.held_out)
    if not len(train) or not len(held_out):
        return [], 0
    forms = rows.forms
    # Of each form, the first row in train.
    members, first = np.unique(forms.of[train], return_index=True)
    others, which = np.unique(forms.of[held_out], return_inverse=True)
    codes = codes_by_rarity(forms.unique, cancel)
    similar = most_similar(codes, members, others, threshold, cancel)
    member = similar.members[which]
    near = member >= 0
    theirs = train[first[np.searchsorted(members, member[near])]]
    return list(zip(theirs.tolist(), held_out[near].tolist(), strict=True)), similar.compared
