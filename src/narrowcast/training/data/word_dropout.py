"""Inputs that lose some of their tokens anew in every epoch, so that a label never hangs on one word.

Of the tokens of an input a share is picked; half of these are left out, half replaced by tokens of other
inputs (word dropout: Iyyer et al. 2015, "Deep Unordered Composition"; random deletion and replacement: Wei
and Zou 2019, "EDA"). What all prompts begin and end with (instruction, turn markers) stays, and so does the
answer. It suits answers that are no part of the input: one copied from a lost word would teach invention.

What a row loses is a function of (seed, epoch, row), so a resumed run meets the same rows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from narrowcast.training.data.rows import TokenRow


class WordDropout(Sequence[TokenRow]):
    """Training rows as one epoch meets them.

    Args:
        rows: as rendered.
        share: of an input's tokens that are lost, 0 to 1.
        seed: of the run.
    """

    def __init__(self, rows: Sequence[TokenRow], share: float, seed: int) -> None:
        self._rows, self._share, self._seed = rows, share, seed
        self._epoch = 0
        prompts = [row.ids[: row.prompt_length] for row in rows]
        self._begin = _shared(prompts)
        # Not what the beginning took already: equal prompts share all of both.
        self._end = _shared([prompt[self._begin :][::-1] for prompt in prompts])
        self._pool = sorted({token for prompt in prompts for token in self._input(prompt)})

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Rows."""
        return len(self._rows)

    def __getitem__(self, index: int) -> TokenRow:  # type: ignore[override]  # batches pick single rows
        """The row in this epoch; never longer than it was."""
        row = self._rows[index]
        size = row.prompt_length
        prompt = row.ids[:size]
        draw = random.Random(f"{self._seed} {self._epoch} {index}")  # noqa: S311 - not for secrets
        kept = []
        for token in self._input(prompt):
            fate = draw.random()
            if fate >= self._share:
                kept.append(token)
            elif fate >= self._share / 2:
                kept.append(draw.choice(self._pool))
        if not kept:
            return row
        end = prompt[len(prompt) - self._end :]
        noisy = [*prompt[: self._begin], *kept, *end]
        return replace(row, ids=noisy + row.ids[size:], mask=bytes(len(noisy)) + row.mask[size:])

    def _input(self, prompt: list[int]) -> list[int]:
        return prompt[self._begin : len(prompt) - self._end]


def _shared(prompts: Sequence[list[int]]) -> int:
    """Tokens that all begin with."""
    first, last = min(prompts), max(prompts)  # what these two share, all between them do
    for at, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return at
    return min(len(first), len(last))
