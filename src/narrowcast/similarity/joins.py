"""Edited copies joined into groups, as `prepare` and the measuring stages both count them."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.similarity.copies import Copy
from narrowcast.similarity.union_find import UnionFind

# A chain of edited copies would swallow the rest: groups of at most 20 rows, or 5 % of all.
_MOST_ROWS, _MOST_SHARE = 20, 0.05


def join_copies(sets: UnionFind, copies: Sequence[Copy], rows: int) -> list[Copy]:
    """Join edited copies, the most similar first, and return those that would make too large a group.

    Args:
        sets: of rows that are joined already; changed.
        copies: pairs of them.
        rows: how many there are in all.
    """
    most = max(_MOST_ROWS, int(_MOST_SHARE * rows))
    apart = []
    for copy in copies:
        left, right = sets.find(copy.left), sets.find(copy.right)
        if left != right and sets.size(left) + sets.size(right) > most:
            apart.append(copy)
        else:
            sets.union(left, right)
    return apart
