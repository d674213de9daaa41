"""Connected components over numbers 0 to n - 1.

Not scipy's DisjointSet: it is Python as well, keeps dictionaries where a list of numbers is enough, names a
set by its largest tree and not by its smallest member, and scipy does not belong to the core, all
that `prepare` needs.
"""

from __future__ import annotations

from collections.abc import Iterable


class UnionFind:
    """Disjoint sets with path halving; the smallest member names its set, whatever the order of joins."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))
        self._sizes = [1] * size

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

    def components(self) -> list[list[int]]:
        """Every set, members ascending, in the order of their smallest members."""
        members: dict[int, list[int]] = {}
        for item in range(len(self._parent)):
            members.setdefault(self.find(item), []).append(item)
        return list(members.values())
