"""A batch as one packed sequence, and whether that pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.batches import padded_length
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.packing.blocks import lay_out
from narrowcast.training.packing.trie import build_trie

FEWEST_SHARED = 8  # tokens; a shorter stretch costs more as a segment than computed again
_TOKENS = 64  # a sequence is filled up to multiples, because products of a new size must be prepared first
_LOSSES = 32


def pack(rows: Sequence[TokenRow], pad: int, fewest: int = FEWEST_SHARED) -> dict[str, Any]:
    """One sequence of the rows' token trie.

    Args:
        rows: of the batch.
        pad: id of fillers.
        fewest: shared tokens that make a segment.

    Returns:
        `input_ids`, `position_ids` [1, tokens]; `layout`; `positions` [n], offsets whose logits are needed,
        once for each row and token, so that a token several rows share counts as often as it occurs;
        `labels` [n], `IGNORED` for fillers; `tokens`, how many the rows have before packing.
    """
    trie = build_trie([row.ids for row in rows], fewest)
    fillers = packed_length(len(trie.ids)) - len(trie.ids)
    ids, places = trie.ids + [pad] * fillers, trie.positions + [0] * fillers
    positions: list[int] = []
    labels: list[int] = []
    for row, offsets in zip(rows, trie.offsets, strict=True):
        first = max(row.prompt_length, 1)  # the first token of a row is predicted by nothing
        positions += offsets[first - 1 : -1]
        labels += row.ids[first:]
    more = _round_up(len(labels), _LOSSES) - len(labels)
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([places]),
        "layout": lay_out(trie.segments, places, len(ids)),
        "positions": torch.tensor(positions + [0] * more),
        "labels": torch.tensor(labels + [IGNORED] * more),
        "tokens": sum(len(row.ids) for row in rows),
    }


def packed_length(tokens: int) -> int:
    """Tokens of the sequence with its fillers, at least one of which there is."""
    return _round_up(tokens + 1, _TOKENS)


def packed_share(batches: Sequence[Sequence[TokenRow]]) -> float:
    """Tokens that are computed packed over those computed padded, fillers included in both."""
    padded = sum(len(batch) * padded_length(batch) for batch in batches)
    return sum(batch_length(batch) for batch in batches) / padded


def batch_length(batch: Sequence[TokenRow]) -> int:
    """Tokens of these rows packed, fillers included."""
    return packed_length(len(build_trie([row.ids for row in batch], FEWEST_SHARED).ids))


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step
