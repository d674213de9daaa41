"""The proof after the split: what of the held-out rows can be found in train.

Computed from the finished splits alone, by another method than the grouping: texts are looked up exactly,
and similar ones by a join (`set_join`) that misses no pair, up to a cap on the candidates of a row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowcast.core.manifest import LeakageReport
from narrowcast.core.names import Split
from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.similarity.rarity import codes_by_rarity
from narrowcast.similarity.set_join import most_similar
from narrowcast.similarity.shingles import normalised, words_of


@dataclass(frozen=True, slots=True)
class Leakage:
    """The report, and the pairs behind it as (row in train, held-out row) so that they can be joined."""

    report: LeakageReport
    pairs: list[tuple[int, int]]


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
    train = [number for number, split in enumerate(splits) if split is Split.TRAIN]
    held_out = [number for number, split in enumerate(splits) if split is not Split.TRAIN]
    held = Counter(normalised(texts[number]) for number in stoppable(held_out, cancel))
    exact = 0
    for number in stoppable(train, cancel):
        exact += held.pop(normalised(texts[number]), 0)
    pairs, checked = _similar_pairs(texts, train, held_out, threshold, cancel)
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
    texts: Sequence[str],
    train: Sequence[int],
    held_out: Sequence[int],
    threshold: float,
    cancel: CancelToken,
) -> tuple[list[tuple[int, int]], int]:
    """One pair for each held-out row that has a similar row in train, and the comparisons made."""
    if not train or not held_out:
        return [], 0
    codes = codes_by_rarity([words_of(text) for text in stoppable(texts, cancel)], cancel)
    found = most_similar(codes, train, held_out, threshold, cancel)
    pairs = [
        (similar, number)
        for similar, number in zip(found.members.tolist(), held_out, strict=True)
        if similar >= 0
    ]
    return pairs, found.compared
