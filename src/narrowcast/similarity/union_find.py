"""Connected components over numbers 0 to n - 1.

Not scipy's DisjointSet: it is Python as well, keeps dictionaries where a list of numbers is enough, names a
set by its largest tree and not by its smallest member, and scipy does not belong to the core, all
that `prepare` needs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class UnionFind:
    """Disjoint sets with path halving; the smallest member names its set, whatever the order of joins."""

    def __init__(self, size: int) -> None:
        # Four bytes a number; a list of integers takes ten times as much.
        self._parent = array("i", range(size))
        self._sizes = array("i", [1]) * size

    def find(self, item: int) -> int:
        """The smallest member of the item's set."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def union(self, left: int, right: int) -> None:
        """Make one set of two."""
        left, right = self.find(left), self.find(right)
        if left != right:
            self._parent[max(left, right)] = min(left, right)
            self._sizes[min(left, right)] += self._sizes[max(left, right)]

    def size(self, item: int) -> int:
        """How many members the item's set has."""
        return self._sizes[self.find(item)]

    def union_all(self, items: Iterable[int]) -> None:
        """Make one set of many."""
        first: int | None = None
        for item in items:
            if first is None:
                first = item
            else:
                self.union(first, item)

    def copy(self) -> UnionFind:
        """The same sets, which can be joined by themselves."""
        other = UnionFind(0)
        other._parent, other._sizes = self._parent[:], self._sizes[:]
        return other

    def count(self) -> int:
        """How many sets there are."""
        import numpy as np

        return int((self.names() == np.arange(len(self._parent))).sum())

    def names(self) -> NDArray[np.int32]:
        """By item, the smallest member of its set."""
        import numpy as np

        names = np.array(self._parent, np.int32)
        while not np.array_equal(above := names[names], names):
            names = above
        return names

    def components(self, least: int = 1) -> list[list[int]]:
        """Sets of `least` members and more, members ascending, in the order of their smallest members."""
        import numpy as np

        names = self.names()
        order = np.argsort(names, kind="stable")
        counts = np.bincount(names, minlength=1)
        starts = np.cumsum(counts) - counts
        chosen = np.flatnonzero(counts >= max(1, least))
        return [
            order[start : start + count].tolist()
            for start, count in zip(starts[chosen].tolist(), counts[chosen].tolist(), strict=True)
        ]
