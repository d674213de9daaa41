"""Padded or packed: which layout of a batch computes less, and how many rows that leaves room for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from narrowcast.models.loading import ResolvedBase
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.options import Options
from narrowcast.training.recipes.recipe import MICRO_BATCH_TOKENS

EXACT_FOR = ("qwen3", "llama", "gemma3_text")
"""Model types whose packed gradients are compared with padded ones in the tests."""
_SHARE = 1.0  # of the padded tokens; attention in pieces costs no more than padded attention does
_LONGEST = 1024  # tokens; scores of longer pieces are better never held as a whole
_SAMPLE = 16  # batches
_PADDED_TOKENS = 2 * MICRO_BATCH_TOKENS  # of a packed batch, which may be tried padded (see `calibration`)


def can_pack(base: ResolvedBase, rows: Sequence[TokenRow]) -> tuple[bool, str]:
    """Whether packing is exact for the base and fast for these rows, and why not."""
    if base.architecture not in EXACT_FOR:
        return False, f"packing is not verified for {base.architecture}"
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
    from narrowcast.training.packing.batch import packed_share

    share = packed_share(_sample(options, rows, micro_batch_size))
    reason = f"packed, the rows take {share:.0%} of the padded tokens"
    return ("tree" if share <= _SHARE else "padded"), reason


def packed_micro_batch(options: Options, rows: Sequence[TokenRow], micro_batch_size: int) -> tuple[int, str]:
    """The largest micro-batch of packed rows that has no more tokens than one of padded rows may have.

    What rows share is computed once per micro-batch, so fewer micro-batches per step are better.

    Args:
        options: as given.
        rows: training rows.
        micro_batch_size: of padded rows, fewer than a step has.

    Returns:
        The size, and why.
    """
    from narrowcast.training.data.batches import padded_length
    from narrowcast.training.packing.batch import batch_length

    for parts in range(1, math.ceil(options.batch_size / micro_batch_size)):
        size = math.ceil(options.batch_size / parts)
        sample = _sample(options, rows, size)
        packed = max(batch_length(batch) for batch in sample)
        padded = max(len(batch) * padded_length(batch) for batch in sample)
        if packed <= MICRO_BATCH_TOKENS and padded <= _PADDED_TOKENS:
            return size, f"packed rows of up to {packed} tokens, about {MICRO_BATCH_TOKENS} per micro-batch"
    return micro_batch_size, f"more packed rows would be over {MICRO_BATCH_TOKENS} tokens"


def _sample(options: Options, rows: Sequence[TokenRow], micro_batch_size: int) -> list[list[TokenRow]]:
    """The first micro-batches of the run, pairs as two rows."""
    from narrowcast.training.data.batches import LengthGroupedBatches

    order = LengthGroupedBatches(
        [row.size for row in rows], options.batch_size, micro_batch_size, options.seed
    )
    return [[side for at in batch for side in rows[at].sides()] for batch in islice(order, _SAMPLE)]
