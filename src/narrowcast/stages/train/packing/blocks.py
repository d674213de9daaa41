"""The attention of a packed trie as a few dense pieces.

In preorder, what a segment's keys are seen by is two things: the segment itself, causally, and its
descendants, wholly; the latter are one contiguous range. So the pairs (query, key) of a trie are

- *diagonals*: each segment with itself, lower triangle;
- *rectangles*: the descendants of a segment with the segment.

Each pair occurs once, none is missing, and each piece is a dense product. Segments of one depth never share
a query, so their pieces are computed as a batch, padded to the longest in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from narrowcast.stages.train.packing.trie import Segment

_WASTE = 1.25  # a batch of pieces may be padded to so many times its pairs before it is cut in two
_STEP = 16  # batches are padded to multiples, because products of a new size must be prepared first


class Piece(NamedTuple):
    """Pieces of one depth as a batch; offsets are into the packed sequence, `filler` where there is none.

    Attributes:
        queries: [pieces, q] offsets.
        keys: [pieces, k] offsets.
        causal: a diagonal (q = k); a rectangle otherwise.
        written: offsets of the queries that are no filler, [n].
        picked: their numbers in the flattened [pieces × q] grid, [n].
        seen: [pieces, q, k], true where the query looks at the key; None where all do.
        span: (first query, first key, q, k) where the piece is alone and unpadded: views do, no gathering.
    """

    queries: torch.Tensor
    keys: torch.Tensor
    causal: bool
    written: torch.Tensor
    picked: torch.Tensor
    seen: torch.Tensor | None
    span: tuple[int, int, int, int] | None

    def to(self, device: torch.device | str) -> Piece:
        """On another device."""
        seen = None if self.seen is None else self.seen.to(device)
        moved = [each.to(device) for each in (self.queries, self.keys, self.written, self.picked)]
        return Piece(moved[0], moved[1], self.causal, moved[2], moved[3], seen, self.span)


@dataclass(frozen=True, slots=True)
class Layout:
    """The pieces of a packed sequence.

    Attributes:
        tokens: of the sequence, fillers at its end included; at least one filler.
        positions: [tokens], of each token in its row; a sliding window is a distance between them.
        pieces: every pair of query and key that attends, once.
    """

    tokens: int
    positions: torch.Tensor
    pieces: tuple[Piece, ...]

    def to(self, device: torch.device | str, **_: object) -> Layout:
        """On another device (the name accelerate calls)."""
        return Layout(self.tokens, self.positions.to(device), tuple(each.to(device) for each in self.pieces))


def lay_out(segments: Sequence[Segment], positions: Sequence[int], tokens: int) -> Layout:
    """Cut a trie's attention into pieces.

    Args:
        segments: in preorder.
        positions: of each token in its row, fillers included.
        tokens: length of the sequence with fillers, more than the segments hold.
    """
    pieces = tuple(_piece(batch, causal, tokens - 1) for batch, causal in _cuts(segments))
    return Layout(tokens, torch.tensor(positions), pieces)


def attention_size(segments: Sequence[Segment]) -> tuple[int, int]:
    """Pairs of query and key that the pieces of these segments compute, and the number of pieces."""
    sizes = [_pairs(batch, causal) for batch, causal in _cuts(segments)]
    return sum(sizes), len(sizes)


def _cuts(segments: Sequence[Segment]) -> Iterator[tuple[list[Span], bool]]:
    """What is computed as a batch, and whether it is causal."""
    diagonals = [(each.start, each.length, each.start, each.length) for each in segments]
    for batch in _batches(diagonals):
        yield batch, True
    for depth in sorted({each.depth for each in segments}):
        rectangles = [
            (each.start + each.length, each.descendants, each.start, each.length)
            for each in segments
            if each.depth == depth and each.descendants
        ]
        for batch in _batches(rectangles):
            yield batch, False


def _pairs(batch: list[Span], causal: bool) -> int:
    tall, wide = max(span[1] for span in batch), max(span[3] for span in batch)
    if len(batch) == 1 and not causal:
        return tall * wide
    return len(batch) * _round_up(tall) * _round_up(wide)


Span = tuple[int, int, int, int]
"""First query, queries, first key, keys."""


def _batches(spans: list[Span]) -> Iterator[list[Span]]:
    """Spans of similar shape together."""
    batch: list[Span] = []
    pairs = wide = tall = 0
    for span in sorted(spans, key=lambda each: (each[1], each[3]), reverse=True):
        own = span[1] * span[3]
        tall, wide = max(tall, span[1]), max(wide, span[3])
        if batch and tall * wide * (len(batch) + 1) > _WASTE * (pairs + own):
            yield batch
            batch, pairs, tall, wide = [], 0, span[1], span[3]
        batch.append(span)
        pairs += own
    if batch:
        yield batch


def _piece(batch: list[Span], causal: bool, filler: int) -> Piece:
    if len(batch) == 1 and not causal:
        query, queries, key, keys = batch[0]
        rows, columns = torch.arange(query, query + queries), torch.arange(key, key + keys)
        picked = torch.arange(queries)
        return Piece(rows[None], columns[None], False, rows, picked, None, (query, key, queries, keys))
    tall = _round_up(max(span[1] for span in batch))
    wide = _round_up(max(span[3] for span in batch))
    starts = torch.tensor(batch)
    rows, columns = torch.arange(tall), torch.arange(wide)
    row_in = rows < starts[:, 1, None]
    column_in = columns < starts[:, 3, None]
    queries_at = torch.where(row_in, starts[:, 0, None] + rows, filler)
    keys_at = torch.where(column_in, starts[:, 2, None] + columns, filler)
    seen = row_in[:, :, None] & column_in[:, None, :]
    if causal:
        seen = seen & (columns <= rows[:, None])
    picked = row_in.flatten().nonzero()[:, 0]
    return Piece(queries_at, keys_at, causal, queries_at.flatten()[picked], picked, seen, None)


def _round_up(number: int) -> int:
    return -(-number // _STEP) * _STEP
