"""A batch as one packed sequence, and whether that pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.batches import loss_weights, padded_length
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
        `labels` [n], `IGNORED` for fillers; `tokens`, how many the rows have before packing; `weights` [n]
        where rows weigh their tokens.
    """
    trie = build_trie([row.ids for row in rows], fewest)
    fillers = packed_length(len(trie.ids)) - len(trie.ids)
    ids, places = trie.ids + [pad] * fillers, trie.positions + [0] * fillers
    positions: list[int] = []
    labels: list[int] = []
    for row, offsets in zip(rows, trie.offsets, strict=True):
        targets = row.targets
        positions += [offsets[place - 1] for place in targets]
        labels += [row.ids[place] for place in targets]
    more = _round_up(len(labels), _LOSSES) - len(labels)
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([places]),
        "layout": lay_out(trie.segments, places, len(ids)),
        "positions": torch.tensor(positions + [0] * more),
        "labels": torch.tensor(labels + [IGNORED] * more),
        "tokens": sum(len(row.ids) for row in rows),
        **loss_weights(rows, len(labels) + more),
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
