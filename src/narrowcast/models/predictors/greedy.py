"""Greedy generation in batches: the most likely token, until the model ends its turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from narrowcast.models.predictors.prefill import Reader


def generate(
    reader: Reader, prompts: Sequence[list[int]], limits: Sequence[int], stops: frozenset[int]
) -> list[tuple[list[int], bool]]:
    """Answer prompts; rows that have ended leave the batch.

    Args:
        reader: the model.
        prompts: token ids; of equal length where the model is not `ragged`.
        limits: most tokens of each answer.
        stops: tokens that end an answer; not part of it.

    Returns:
        For each prompt its tokens, and whether the model ended the turn.
    """
    batch = reader.read(prompts)
    answers: list[list[int]] = [[] for _ in prompts]
    ended = [False] * len(prompts)
    rows = list(range(len(prompts)))
    mask = batch.prompt_mask()
    positions = batch.lengths.clone()
    while True:
        chosen = batch.logits.argmax(-1)
        going = []
        for place, (row, token) in enumerate(zip(rows, chosen.tolist(), strict=True)):
            if token in stops:
                ended[row] = True
                continue
            answers[row].append(token)
            if len(answers[row]) < limits[row]:
                going.append(place)
        if not going:
            return list(zip(answers, ended, strict=True))
        if len(going) < len(rows):
            kept = torch.tensor(going, device=chosen.device)
            batch.select(kept)
            chosen, mask, positions = chosen[kept], mask[kept], positions[kept]
            rows = [rows[place] for place in going]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
        picked = torch.arange(len(rows), device=chosen.device)
        visible = mask[:, None] if reader.ragged else None
        batch.logits = reader.forward(chosen[:, None], positions[:, None], batch.cache, visible, picked)
        positions = positions + 1
