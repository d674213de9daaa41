"""Which of the measured rows are alike, so that they count as one where sureness is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from narrowcast.core.example import Example
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.progress import CancelToken
from narrowcast.similarity.copies import edited_copies
from narrowcast.similarity.equal_texts import exact_groups
from narrowcast.similarity.examples import comparison_texts
from narrowcast.similarity.joins import join_copies
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.similarity.union_find import UnionFind


def row_groups(
    rows: Sequence[Example], examples: Sequence[Example], manifest: DatasetManifest, cancel: CancelToken
) -> list[int]:
    """By measured row, the number of its group, from 0 without gaps.

    The groups are those of `prepare`, which it stores with the rows. Rows that share a group key, or a row
    they were generated from, count as one group even if they were split freely.

    Versions of before groups were stored have their rows compared again, all those of the split: of three
    rows in a chain, the middle one may not be among those that are measured. Without the train rows, that
    finds some groups fewer than there are.

    Args:
        rows: the split.
        examples: those of them that are measured.
        manifest: of the data-set version.
        cancel: asked for a stop.

    Raises:
        CancelledError: on request.
    """
    sets = _connected(rows, manifest, cancel)
    place = {row.id: number for number, row in enumerate(rows)}
    numbers: dict[int, int] = {}
    return [numbers.setdefault(sets.find(place[row.id]), len(numbers)) for row in examples]


def _connected(rows: Sequence[Example], manifest: DatasetManifest, cancel: CancelToken) -> UnionFind:
    if all(row.group_id for row in rows):
        sets = UnionFind(len(rows))
        for members in _keyed(rows):
            sets.union_all(members)
        return sets
    return _compared(rows, manifest, cancel)


def _compared(rows: Sequence[Example], manifest: DatasetManifest, cancel: CancelToken) -> UnionFind:
    """The groups of rows that were stored without them."""
    policy = manifest.split_policy
    sets, texts = UnionFind(len(rows)), comparison_texts(rows)
    for members in (*_keyed(rows), *exact_groups(texts)):
        sets.union_all(members)
    threshold = policy.near_duplicate_threshold
    if threshold is not None:
        for members in near_duplicates(texts, threshold, cancel).groups:
            sets.union_all(members)
    if policy.clusters is not None:
        for members in semantic_groups(texts, threshold=policy.clusters):
            sets.union_all(members)
    if threshold is not None and policy.edited_copies:
        join_copies(sets, edited_copies(texts, cancel), len(rows))
    return sets


def _keyed(rows: Sequence[Example]) -> Iterator[list[int]]:
    """Rows with a stored group or a key in common; a generated row has the keys of its parents."""
    keyed: dict[Hashable, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.group_id:
            keyed["stored", row.group_id].append(number)
        if row.group is not None:
            keyed["group", row.group].append(number)
        for name in (row.id, *row.parents):
            keyed["row", name].append(number)
    yield from keyed.values()
