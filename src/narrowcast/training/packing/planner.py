"""Which layout a batch takes: the one that is fastest by the costs of this machine (see `costs`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from narrowcast.training.data.batches import collate, padded_length
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.packing.batch import FEWEST_SHARED, pack, packed_length
from narrowcast.training.packing.blocks import attention_size
from narrowcast.training.packing.costs import Costs, Work
from narrowcast.training.packing.trie import Segment, build_trie

LayoutName = Literal["padded", "packed", "tree"]
"""Rows side by side; concatenated; concatenated with shared prefixes once."""
LAYOUTS: tuple[LayoutName, ...] = ("padded", "packed", "tree")
_NEVER = 1 << 30  # shared tokens: more than any row has


def work(rows: Sequence[TokenRow], layout: LayoutName) -> Work:
    """What the rows would compute in a layout."""
    if layout == "padded":
        length = padded_length(rows)
        return Work(len(rows) * length, len(rows) * length * length, 0, 0)
    if layout == "tree":
        segments = build_trie([row.ids for row in rows], FEWEST_SHARED).segments
    else:
        segments, start = [], 0
        for row in rows:
            size = len(row.ids)
            segments.append(Segment(start, size, 0, start + size))
            start += size
    pairs, pieces = attention_size(segments)
    return Work(packed_length(sum(each.length for each in segments)), 0, pairs, pieces)


def laid_out(rows: Sequence[TokenRow], pad: int, layout: LayoutName) -> dict[str, Any]:
    """The batch in a layout."""
    if layout == "padded":
        return collate(rows, pad)
    return pack(rows, pad, FEWEST_SHARED if layout == "tree" else _NEVER)


class PlannedLayout:
    """A batch in the layout that costs least.

    Args:
        costs: of this machine and model.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def choose(self, rows: Sequence[TokenRow]) -> tuple[LayoutName, dict[LayoutName, float]]:
        """The layout, and the seconds each would take."""
        seconds = {layout: self._costs.seconds(work(rows, layout)) for layout in LAYOUTS}
        return min(LAYOUTS, key=seconds.__getitem__), seconds

    def __call__(self, rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
        """The batch."""
        return laid_out(rows, pad, self.choose(rows)[0])
