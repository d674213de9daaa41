"""Who goes where: whole groups, stratified, decided by hashes of content, so row order does not matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.names import Split
from narrowcast.errors import DataError
from narrowcast.similarity.examples import input_strings
from narrowcast.similarity.shingles import normalised
from narrowcast.stages.prepare.rows import Rejection

# Who keeps a group that touches several fixed splits: the more it must stay unseen, the earlier.
_STRICTEST = (Split.GOLDEN, Split.TEST, Split.DEV, Split.TRAIN)
_HELD_OUT = (Split.DEV, Split.TEST, Split.GOLDEN)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that stay together."""

    rows: tuple[Example, ...]
    rank: str
    stratum: str
    fixed: Split | None
    former: Split | None = None
    """Where its rows were in the version before; in several splits, that which must stay unseen most."""

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.rows)


Former = dict[int, Split]
"""Key of a row (`same_row`) → its split in the version before."""


def same_row(row: Example) -> int:
    """What makes a row the same in another version: its inputs, whatever its target, import and case."""
    strings = sorted((key, normalised(text)) for key, text in input_strings(row.inputs))
    return int(content_hash(strings)[:15], 16)


def make_group(
    rows: Sequence[Example], *, seed: int, stratify: bool, former: Former | None = None
) -> tuple[Group, list[Rejection]]:
    """A group from connected rows; where it touches a fixed held-out split, its other rows are rejected.

    Nothing may be added to a set that was fixed by hand, and nothing that resembles it may be trained on.
    """
    fixed = next((split for split in _STRICTEST if any(row.split is split for row in rows)), None)
    rejected: list[Rejection] = []
    if fixed in _HELD_OUT:
        rejected = [
            Rejection(row, f"leaks_into_{fixed}", f"same group as a row that was imported into {fixed}")
            for row in rows
            if row.split is not fixed
        ]
        rows = [row for row in rows if row.split is fixed]
    ordered = tuple(sorted(rows, key=row_order))
    labels = Counter(str(row.target) for row in ordered) if stratify else Counter([""])
    stratum = min(labels, key=lambda label: (-labels[label], label))
    rank = sha256_hex(f"{seed}:{ordered[0].hash}".encode())
    known = {former.get(same_row(row)) for row in ordered} if former else set()
    before = next((split for split in _STRICTEST if split in known), None)
    return Group(ordered, rank, stratum, fixed, before), rejected


def row_order(row: Example) -> tuple[str, str, int]:
    """The order of rows in files: by content, so that it is the same however they came in."""
    return row.hash, row.source, row.index


def allocate(groups: Sequence[Group], ratios: Mapping[Split, float]) -> dict[Split, list[Group]]:
    """Assign groups so that each split is near its share of rows, in total and per stratum.

    A held-out split that has fixed rows gets no others. Groups of the version before stay where they were;
    the others fill what the splits lack. Each stratum fills train first; what a split lacks through rounding
    is carried into the next stratum.

    Raises:
        DataError: if there are too few groups for the splits that are wanted.
    """
    placed: dict[Split, list[Group]] = {split: [] for split in Split}
    free: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if group.fixed is None:
            free[group.stratum].append(group)
        else:
            placed[group.fixed].append(group)
    shares = _open_shares(placed, ratios)
    lacking = dict.fromkeys(shares, 0.0)
    large = _large(free, shares)
    for stratum in sorted(free):
        members = sorted(free[stratum], key=lambda group: (-max(group.size, large), group.rank))
        total = sum(group.size for group in members)
        for split, share in shares.items():
            lacking[split] += share * total
        stay = [group for group in members if group.former in shares]
        for group in stay:
            _put(group, group.former, placed, lacking)
        trained = any(group.former is Split.TRAIN for group in stay)
        for group in members:
            if group.former not in shares:
                split = max(lacking, key=lambda split: lacking[split]) if trained else Split.TRAIN
                _put(group, split, placed, lacking)
                trained = True
    _fill_empty(placed, shares)
    return placed


def _put(
    group: Group, split: Split | None, placed: dict[Split, list[Group]], lacking: dict[Split, float]
) -> None:
    if split is not None:
        placed[split].append(group)
        lacking[split] -= group.size


def _large(free: Mapping[str, Sequence[Group]], shares: Mapping[Split, float]) -> float:
    """Groups above this size are placed first; the others come by chance, so that each split has some."""
    rows = sum(group.size for members in free.values() for group in members)
    return min(shares.values()) * rows / 10


def _open_shares(
    placed: Mapping[Split, Sequence[Group]], ratios: Mapping[Split, float]
) -> dict[Split, float]:
    """Shares of the free rows: train takes what fixed held-out splits do not need."""
    held_out = {split: ratios[split] for split in _HELD_OUT if ratios[split] > 0 and not placed[split]}
    return {Split.TRAIN: 1.0 - sum(held_out.values()), **held_out}


def _fill_empty(placed: dict[Split, list[Group]], shares: Mapping[Split, float]) -> None:
    """Give a held-out split that came out empty the smallest free group of train."""
    for split in shares:
        if placed[split]:
            continue
        spare = sorted(
            (group for group in placed[Split.TRAIN] if group.fixed is None),
            key=lambda group: (group.size, group.rank),
        )
        if len(placed[Split.TRAIN]) > 1 and spare:
            placed[Split.TRAIN].remove(spare[0])
            placed[split].append(spare[0])
    empty = [split for split in (Split.TRAIN, Split.TEST) if not placed[split]]
    if empty:
        groups = sum(len(members) for members in placed.values())
        raise DataError(
            f"no rows are left for {' and '.join(empty)}: the rows form {groups} connected group(s), "
            "and a group is never divided",
            next_command="import more varied rows, or: narrowcast prepare --similarity 0.95 --copies free",
            reason_code="prepare_failed",
        )
