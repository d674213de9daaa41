"""Padded or packed: which layout of a batch computes less."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Literal

from narrowcast.models.loading import ResolvedBase
from narrowcast.stages.train.options import Options
from narrowcast.stages.train.rows import TokenRow

EXACT_FOR = ("qwen3", "llama", "gemma3_text")
"""Model types whose packed gradients are compared with padded ones in the tests."""
_SHARE = 1.0  # of the padded tokens; attention in pieces costs no more than padded attention does
_LONGEST = 1024  # tokens; scores of longer pieces are better never held as a whole
_SAMPLE = 16  # batches


def can_pack(base: ResolvedBase, rows: Sequence[TokenRow]) -> tuple[bool, str]:
    """Whether packing is exact for the base and fast for these rows, and why not."""
    if base.architecture not in EXACT_FOR:
        return False, f"packing is not proven for {base.architecture}"
    longest = max(len(side.ids) for row in rows for side in row.sides())
    return longest <= _LONGEST, f"rows of up to {longest} tokens"


def choose_layout(
    options: Options, base: ResolvedBase, rows: Sequence[TokenRow], micro_batch_size: int
) -> tuple[Literal["padded", "tree"], str]:
    """The layout of every batch of a run, and why; a longer run plans each batch (see `calibration`)."""
    if options.layout != "auto":
        return options.layout, "asked for"
    able, why_not = can_pack(base, rows)
    if not able:
        return "padded", why_not
    from narrowcast.stages.train.batches import LengthGroupedBatches
    from narrowcast.stages.train.packing.batch import packed_share

    order = LengthGroupedBatches(
        [row.size for row in rows], options.batch_size, micro_batch_size, options.seed
    )
    share = packed_share(
        [[side for at in batch for side in rows[at].sides()] for batch in islice(order, _SAMPLE)]
    )
    reason = f"packed, the rows take {share:.0%} of the padded tokens"
    return ("tree" if share <= _SHARE else "padded"), reason
