"""The token trie of a batch, laid out in one sequence.

Segments (maximal runs of tokens without a branch) are in preorder: a segment, then the subtrees of its
children. So everything that descends from a segment is one contiguous range right after it, and the
tokens a token may attend to are its ancestors' segments and its own segment up to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of tokens without a branch.

    Attributes:
        start: offset of its first token in the packed sequence.
        length: tokens, at least one.
        position: of its first token in its row.
        end: offset after its last descendant; `start + length` for a leaf.
    """

    start: int
    length: int
    position: int
    end: int

    @property
    def descendants(self) -> int:
        """Tokens below it."""
        return self.end - self.start - self.length


@dataclass(frozen=True, slots=True)
class Trie:
    """A batch of rows as one sequence.

    Attributes:
        ids: tokens of the packed sequence.
        positions: of each token in its row.
        segments: in preorder.
        offsets: by row, the packed offset of each of its tokens.
    """

    ids: list[int]
    positions: list[int]
    segments: list[Segment]
    offsets: list[list[int]]


def build_trie(rows: Sequence[list[int]], fewest: int = 1) -> Trie:
    """Pack token rows.

    Args:
        rows: token ids, none empty.
        fewest: tokens that must be shared for rows to be joined; short stretches are cheaper twice than
            as a segment of their own.
    """
    order = sorted(range(len(rows)), key=lambda row: rows[row])
    shared = [0] + [_common(rows[a], rows[b]) for a, b in pairwise(order)]
    trie = Trie([], [], [], [[] for _ in rows])
    _Builder(rows, order, shared, fewest, trie).branch(0, len(order), 0, [])
    return trie


@dataclass(frozen=True, slots=True)
class _Builder:
    rows: Sequence[list[int]]
    order: list[int]
    shared: list[int]
    """By rank, tokens in common with the row before."""
    fewest: int
    trie: Trie

    def branch(self, first: int, last: int, done: int, above: list[int]) -> None:
        """Lay out the rows of these ranks after their first `done` tokens, whose offsets are `above`."""
        start = first
        for rank in range(first + 1, last + 1):
            if rank == last or self.shared[rank] < done + self.fewest:
                self._segment(start, rank, done, above)
                start = rank

    def _segment(self, first: int, last: int, done: int, above: list[int]) -> None:
        row = self.rows[self.order[first]]
        stop = min(self.shared[first + 1 : last], default=len(row))
        trie, start = self.trie, len(self.trie.ids)
        trie.ids.extend(row[done:stop])
        trie.positions.extend(range(done, stop))
        offsets = [*above, *range(start, start + stop - done)]
        number = len(trie.segments)
        if stop > done:
            trie.segments.append(Segment(start, stop - done, done, start))
        if last - first == 1:
            trie.offsets[self.order[first]] = offsets
        elif all(len(self.rows[self.order[rank]]) == stop for rank in range(first, last)):
            for rank in range(first, last):  # the same row several times
                trie.offsets[self.order[rank]] = offsets
        else:
            self._below(first, last, stop, offsets)
        if stop > done:
            trie.segments[number] = Segment(start, stop - done, done, len(trie.ids))

    def _below(self, first: int, last: int, done: int, above: list[int]) -> None:
        """Rows that end here come first in the order; the others branch."""
        while first < last and len(self.rows[self.order[first]]) == done:
            self.trie.offsets[self.order[first]] = above
            first += 1
        if first < last:
            self.branch(first, last, done, above)


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    for index, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine != theirs:
            return index
    return min(len(left), len(right))
