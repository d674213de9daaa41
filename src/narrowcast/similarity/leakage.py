"""The proof after the split: what of the held-out rows can be found in train.

Computed from the finished splits alone, by another method than the grouping: texts are looked up exactly,
and similar ones through a prefix index that misses no pair (R. Bayardo, Y. Ma, R. Srikant, "Scaling up all
pairs similarity search", 2007), up to a cap on the comparisons a row.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowcast.core.manifest import LeakageReport
from narrowcast.core.names import Split
from narrowcast.similarity.shingles import normalised, shingler_for, words_of

# Candidates compared for one held-out row, the ones that share most rare shingles first.
_COMPARISONS = 200
# Rare shingles that two similar rows must share before they are compared: more of them prune more.
_SHARED = 5


@dataclass(frozen=True, slots=True)
class Leakage:
    """The report, and the pairs behind it as (row in train, held-out row) so that they can be joined."""

    report: LeakageReport
    pairs: list[tuple[int, int]]


def measure_leakage(
    texts: Sequence[str], keys: Sequence[str | None], splits: Sequence[Split], threshold: float
) -> Leakage:
    """Compare every held-out row with train; the three sequences describe the same rows, by number."""
    train = [number for number, split in enumerate(splits) if split is Split.TRAIN]
    held_out = [number for number, split in enumerate(splits) if split is not Split.TRAIN]
    trained = {normalised(texts[number]) for number in train}
    exact = sum(normalised(texts[number]) in trained for number in held_out)
    pairs, checked = _similar_pairs([words_of(text) for text in texts], train, held_out, threshold)
    report = LeakageReport(
        exact_inputs_shared=exact,
        near_duplicates_shared=len({row for _, row in pairs}),
        groups_shared=_shared_groups(keys, splits),
        checked_pairs=checked,
    )
    return Leakage(report, pairs)


def _shared_groups(keys: Sequence[str | None], splits: Sequence[Split]) -> int:
    found: Mapping[str, set[Split]] = defaultdict(set)
    for key, split in zip(keys, splits, strict=True):
        if key is not None:
            found[key].add(split)
    return sum(len(where) > 1 for where in found.values())


def _similar_pairs(
    texts: Sequence[str], train: Sequence[int], held_out: Sequence[int], threshold: float
) -> tuple[list[tuple[int, int]], int]:
    """One pair for each held-out row that has a similar row in train, and the comparisons made."""
    codes = _by_rarity(texts)
    index: dict[int, list[int]] = defaultdict(list)
    for number in train:
        for shingle in _prefix(codes[number], threshold):
            index[shingle].append(number)
    pairs: list[tuple[int, int]] = []
    checked = 0
    for number in held_out:
        mine = frozenset(codes[number])
        for other in _candidates(codes, number, index, threshold):
            checked += 1
            shared = len(mine.intersection(codes[other]))
            if shared >= threshold * (len(mine) + len(codes[other]) - shared):
                pairs.append((other, number))
                break
    return pairs, checked


def _by_rarity(texts: Sequence[str]) -> list[array[int]]:
    """The shingles of each text as numbers, the rarest of the whole data set first."""
    shingles = shingler_for(texts)
    frequency: Counter[str] = Counter()
    for text in texts:
        frequency.update(shingles(text))
    ordered = sorted(frequency, key=lambda shingle: (frequency[shingle], shingle))
    rank = {shingle: place for place, shingle in enumerate(ordered)}
    return [array("I", sorted([rank[shingle] for shingle in shingles(text)])) for text in texts]


def _candidates(
    codes: Sequence[array[int]], number: int, index: Mapping[int, list[int]], threshold: float
) -> list[int]:
    """Rows of train that share enough rare shingles and are of like size, most shared first."""
    mine = codes[number]
    shared: Counter[int] = Counter()
    for shingle in _prefix(mine, threshold):
        shared.update(index.get(shingle, ()))
    # Two sets that reach the threshold have at least `threshold * size` shingles in common.
    needed, least, most = (
        min(_SHARED, _least(mine, threshold)),
        _least(mine, threshold),
        len(mine) / threshold,
    )
    enough = [
        other for other, count in shared.items() if count >= needed and least <= len(codes[other]) <= most
    ]
    return sorted(enough, key=lambda other: -shared[other])[:_COMPARISONS]


def _prefix(code: array[int], threshold: float) -> array[int]:
    """Two sets that reach the threshold have `_SHARED` of these in common (all, where they are smaller)."""
    return code[: len(code) - _least(code, threshold) + _SHARED]


def _least(code: array[int], threshold: float) -> int:
    # Rounding 0.8 * 5 up to 5 would lose pairs that reach the threshold exactly.
    return math.ceil(threshold * len(code) - 1e-9)
