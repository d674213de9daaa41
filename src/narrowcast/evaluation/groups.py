"""Which of the measured rows are alike, so that they count as one where sureness is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from narrowcast.core.example import Example
from narrowcast.core.manifest import DatasetManifest
from narrowcast.similarity.examples import comparison_texts, exact_groups
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.union_find import UnionFind


def row_groups(examples: Sequence[Example], manifest: DatasetManifest) -> list[int]:
    """By row, the number of its group, from 0 without gaps.

    Rows of a group share a group key or a row they were generated from, or have equal inputs, or inputs that
    are near-duplicates by the threshold that the version was prepared with.
    """
    sets = UnionFind(len(examples))
    for members in _keyed(examples):
        sets.union_all(members)
    texts = comparison_texts(examples)
    for members in exact_groups(texts):
        sets.union_all(members)
    threshold = manifest.split_policy.near_duplicate_threshold
    if threshold is not None:
        for members in near_duplicates(texts, threshold).groups:
            sets.union_all(members)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(sets.find(row), len(numbers)) for row in range(len(examples))]


def _keyed(examples: Sequence[Example]) -> Iterator[list[int]]:
    """Rows with a key in common; a generated row has the keys of the rows it was made after."""
    keyed: dict[Hashable, list[int]] = defaultdict(list)
    for number, row in enumerate(examples):
        if row.group is not None:
            keyed["group", row.group].append(number)
        for name in (row.id, *row.parents):
            keyed["row", name].append(number)
    yield from keyed.values()
