"""Which texts are nearly the same: MinHash finds candidates, their shingle sets decide.

Texts that share a band of their sketch are candidates; those whose real Jaccard similarity reaches the
threshold are joined. Groups are connected components, so they do not depend on the order of the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, Parts, stoppable
from narrowcast.core.work import Work
from narrowcast.similarity.forms import Forms, forms_of
from narrowcast.similarity.shingles import jaccard, shingler_for
from narrowcast.similarity.sketches import candidate_pairs
from narrowcast.similarity.union_find import UnionFind

# In a bucket of thousands (one template, filled in) every text is compared with this many neighbours only;
# what is joined is right all the same, and the leakage check looks for what was missed.
_NEIGHBOURS = 64
# How long the parts take, in short texts of which one in five is a copy.
_PARTS = {"sketches": 2.0, "bands": 1.0}


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Groups of two and more texts, by their numbers; and how many pairs were compared."""

    groups: list[list[int]]
    checked_pairs: int


def near_duplicates(
    texts: Sequence[str], threshold: float, cancel: CancelToken = UNSTOPPABLE
) -> NearDuplicates:
    """Group texts whose shingle sets have a Jaccard similarity of at least `threshold` (0 < t <= 1).

    Case, white space and punctuation do not count. Time grows with the number of texts, not its square.

    Raises:
        CancelledError: on request.
    """
    return similar_groups(forms_of(texts, cancel), threshold, Work(cancel=cancel))


def similar_groups(forms: Forms, threshold: float, work: Work) -> NearDuplicates:
    """The same for texts whose normal forms are known, as a phase that shows its progress.

    Raises:
        CancelledError: on request.
    """
    parts = Parts(work.progress, "finding near-duplicates", len(forms.of), _PARTS)
    sets, checked = _join_similar(forms.unique, threshold, work.cancel, parts)
    texts = UnionFind(len(forms.of))
    for group in forms.groups():
        texts.union_all(group)
    for component in sets.components(2):
        texts.union_all(forms.first[component].tolist())
    return NearDuplicates(texts.components(2), checked)


def _join_similar(
    texts: Sequence[str], threshold: float, cancel: CancelToken, parts: Parts
) -> tuple[UnionFind, int]:
    shingles = shingler_for(texts)
    cached = lru_cache(maxsize=2 * _NEIGHBOURS)(lambda number: shingles(texts[number]))
    sets, checked = UnionFind(len(texts)), 0
    shares = {"sketched": parts.of("sketches"), "compared": parts.of("bands")}
    for left, right in candidate_pairs(texts, threshold, _NEIGHBOURS, cancel, **shares):
        for number, other in stoppable(zip(left, right, strict=True), cancel):
            if sets.find(number) == sets.find(other):
                continue
            checked += 1
            if jaccard(cached(number), cached(other)) >= threshold:
                sets.union(number, other)
    return sets, checked
