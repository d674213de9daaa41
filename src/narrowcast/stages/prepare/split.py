"""Who goes where: whole groups, stratified, decided by hashes of content, so row order does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from narrowcast.core.names import Split
from narrowcast.core.progress import CancelToken, stoppable
from narrowcast.errors import DataError
from narrowcast.stages.prepare.groups import Groups
from narrowcast.stages.prepare.table import NO_SPLIT, STRICTEST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Placed = dict[Split, list[int]]
"""The numbers of the groups of each split."""

_HELD_OUT = (Split.DEV, Split.TEST, Split.GOLDEN)


def allocate(groups: Groups, ratios: Mapping[Split, float], cancel: CancelToken) -> Placed:
    """Assign groups so that each split is near its share of rows, in total and per stratum.

    A held-out split that has fixed rows gets no others. Groups of the version before stay where they were;
    the others fill what the splits lack. Each stratum fills train first; what a split lacks through rounding
    is carried into the next stratum.

    Raises:
        DataError: if there are too few groups for the splits that are wanted.
        CancelledError: on request.
    """
    placed: Placed = {
        split: (groups.fixed == STRICTEST.index(split)).nonzero()[0].tolist() for split in Split
    }
    shares = _open_shares(placed, ratios)
    lacking = dict.fromkeys(shares, 0.0)
    sizes, former = groups.sizes.tolist(), [_split(code) for code in groups.former.tolist()]
    for members in _strata(groups, shares):
        total = sum(sizes[group] for group in members)
        for split, share in shares.items():
            lacking[split] += share * total
        stay = [group for group in members if former[group] in shares]
        for group in stay:
            _put(group, former[group], sizes[group], placed, lacking)
        trained = any(former[group] is Split.TRAIN for group in stay)
        for group in stoppable(members, cancel):
            if former[group] not in shares:
                where = max(lacking, key=lambda split: lacking[split]) if trained else Split.TRAIN
                _put(group, where, sizes[group], placed, lacking)
                trained = True
    _fill_empty(groups, placed, shares)
    return placed


def _split(code: int) -> Split | None:
    return None if code == NO_SPLIT else STRICTEST[code]


def _strata(groups: Groups, shares: Mapping[Split, float]) -> list[list[int]]:
    """The free groups of each stratum, in the order in which they are assigned.

    Large ones come first; the others by chance, so that each split has some.
    """
    import numpy as np

    free = np.flatnonzero(groups.fixed == NO_SPLIT)
    sizes = groups.sizes[free]
    large = min(shares.values()) * int(sizes.sum()) / 10
    strata = groups.strata[free]
    order = np.lexsort((*_by_rank(groups, free), -np.maximum(sizes, large), strata))
    ends = np.cumsum(np.bincount(strata)) if len(free) else np.empty(0, np.int64)
    parts = np.split(free[order], ends[:-1])
    return [part.tolist() for part in parts if len(part)]


def _by_rank(groups: Groups, some: NDArray[np.int64]) -> tuple[NDArray[np.uint64], ...]:
    """Keys of a sort by rank, the last one first."""
    return tuple(groups.ranks[some, word] for word in (3, 2, 1, 0))


def _put(group: int, split: Split | None, size: int, placed: Placed, lacking: dict[Split, float]) -> None:
    if split is not None:
        placed[split].append(group)
        lacking[split] -= size


def _open_shares(placed: Placed, ratios: Mapping[Split, float]) -> dict[Split, float]:
    """Shares of the free rows: train takes what fixed held-out splits do not need."""
    held_out = {split: ratios[split] for split in _HELD_OUT if ratios[split] > 0 and not placed[split]}
    return {Split.TRAIN: 1.0 - sum(held_out.values()), **held_out}


def _fill_empty(groups: Groups, placed: Placed, shares: Mapping[Split, float]) -> None:
    """Give a held-out split that came out empty the smallest free group of train."""
    for split in shares:
        train = placed[Split.TRAIN]
        if placed[split] or len(train) < 2:
            continue
        smallest = _smallest_free(groups, train)
        if smallest is not None:
            train.remove(smallest)
            placed[split].append(smallest)
    empty = [split for split in (Split.TRAIN, Split.TEST) if not placed[split]]
    if empty:
        raise DataError(
            f"no rows are left for {' and '.join(empty)}: the rows form {len(groups)} connected group(s), "
            "and a group is never divided",
            next_command="import more varied rows, or: narrowcast prepare --similarity 0.95 --copies free",
            reason_code="prepare_failed",
        )


def _smallest_free(groups: Groups, some: list[int]) -> int | None:
    import numpy as np

    numbers = np.array(some, np.int64)
    free = numbers[groups.fixed[numbers] == NO_SPLIT]
    if not len(free):
        return None
    return int(free[np.lexsort((*_by_rank(groups, free), groups.sizes[free]))[0]])
