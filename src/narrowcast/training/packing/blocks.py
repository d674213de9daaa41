"""The attention of a packed trie as a few dense pieces.

A token attends to what stands above its segment, wholly, and to its own segment, causally. Segments that
hang below the same one (siblings) have the same tokens above them, so a *family* of siblings is two dense
products: all of their tokens with what is above, and each segment with itself. A *piece* is a batch of
families of similar shape, padded to the largest in it. Every token is a query in exactly one piece, where
it meets all of its keys: one softmax, nothing to be merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from narrowcast.training.packing.trie import Segment

_WASTE = 1.25  # a batch may be padded to this many times its pairs before it is cut in two
_STEP = 16  # sizes are padded to multiples, because products of a new size must be prepared first


class Piece(NamedTuple):
    """B families of S segments of up to q tokens, with up to a tokens above them; offsets are packed ones.

    Attributes:
        own: [B, S, q] tokens of the segments, queries and keys alike; `filler` after the end of each.
        above: [B, a] tokens above a family; a may be 0.
        missing: [B, m], true where one of the last m of `above` is a filler; None where none is.
        written: offsets of the queries that are no filler, [n].
        picked: their numbers in the flattened [B × S × q] grid, [n].
    """

    own: torch.Tensor
    above: torch.Tensor
    missing: torch.Tensor | None
    written: torch.Tensor
    picked: torch.Tensor

    @property
    def pairs(self) -> int:
        """Pairs of query and key that are computed."""
        pairs: int = self.own.numel() * (self.own.shape[2] + self.above.shape[1])
        return pairs

    def to(self, device: torch.device | str) -> Piece:
        """On another device."""
        return Piece(*(None if each is None else each.to(device) for each in self))


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


class _Family(NamedTuple):
    """Segments below the same ancestors, the longest first."""

    above: tuple[Segment, ...]
    siblings: list[Segment]

    @property
    def height(self) -> int:
        return self.siblings[0].length

    @property
    def reach(self) -> int:
        """Tokens above."""
        return sum(each.length for each in self.above)


def lay_out(segments: Sequence[Segment], positions: Sequence[int], tokens: int) -> Layout:
    """Cut a trie's attention into pieces.

    Args:
        segments: in preorder.
        positions: of each token in its row, fillers included.
        tokens: length of the sequence with fillers, more than the segments hold.
    """
    pieces = tuple(_piece(batch, tokens - 1) for batch in _batches(segments))
    return Layout(tokens, torch.tensor(positions), pieces)


def attention_size(segments: Sequence[Segment]) -> tuple[int, int]:
    """Pairs of query and key that the pieces of these segments compute, and the number of pieces."""
    sizes = [_pairs(batch) for batch in _batches(segments)]
    return sum(sizes), len(sizes)


def _pairs(batch: list[_Family]) -> int:
    high, reach = _size(batch)
    return len(batch) * len(batch[0].siblings) * high * (high + reach)


def _size(batch: list[_Family]) -> tuple[int, int]:
    """Queries of a segment and tokens above, as they are padded."""
    return _round_up(max(each.height for each in batch)), _round_up(max(each.reach for each in batch))


def _batches(segments: Sequence[Segment]) -> Iterator[list[_Family]]:
    """Families of as many siblings and similar shape together."""
    cut = [part for family in _families(segments) for part in _cut(family)]
    batch: list[_Family] = []
    pairs = high = reach = 0
    for part in sorted(cut, key=lambda each: (len(each.siblings), each.height, each.reach), reverse=True):
        own = part.height * (part.height + part.reach)
        high, reach = max(high, part.height), max(reach, part.reach)
        wasteful = high * (high + reach) * (len(batch) + 1) > _WASTE * (pairs + own)
        if batch and (wasteful or len(part.siblings) != len(batch[0].siblings)):
            yield batch
            batch, pairs, high, reach = [], 0, part.height, part.reach
        batch.append(part)
        pairs += own
    if batch:
        yield batch


def _families(segments: Sequence[Segment]) -> list[_Family]:
    """Siblings by what stands above them."""
    found: dict[int, _Family] = {}
    path: list[Segment] = []
    for segment in segments:
        while path and segment.start >= path[-1].end:
            path.pop()
        parent = path[-1].start if path else -1
        if parent not in found:
            found[parent] = _Family(tuple(path), [])
        found[parent].siblings.append(segment)
        path.append(segment)
    return list(found.values())


def _cut(family: _Family) -> Iterator[_Family]:
    """Siblings of similar length."""
    reach = family.reach
    part: list[Segment] = []
    pairs = 0
    for segment in sorted(family.siblings, key=lambda each: each.length, reverse=True):
        own = segment.length * (segment.length + reach)
        if part and part[0].length * (part[0].length + reach) * (len(part) + 1) > _WASTE * (pairs + own):
            yield _Family(family.above, part)
            part, pairs = [], 0
        part.append(segment)
        pairs += own
    yield _Family(family.above, part)


def _piece(batch: list[_Family], filler: int) -> Piece:
    high, reach = _size(batch)
    spans = torch.tensor([[[each.start, each.length] for each in family.siblings] for family in batch])
    rows = torch.arange(high)
    real = rows < spans[..., 1, None]
    own = torch.where(real, spans[..., 0, None] + rows, filler)
    picked = real.flatten().nonzero()[:, 0]
    above = [
        [offset for each in family.above for offset in range(each.start, each.start + each.length)]
        for family in batch
    ]
    least = min(len(each) for each in above)
    missing = torch.arange(least, reach) >= torch.tensor([[len(each)] for each in above])
    places = torch.tensor([each + [filler] * (reach - len(each)) for each in above], dtype=torch.long)
    return Piece(own, places, missing if least < reach else None, own.flatten()[picked], picked)


def _round_up(number: int) -> int:
    return -(-number // _STEP) * _STEP
