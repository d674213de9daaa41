"""The order of rows and the form of a batch, both without hidden state.

The order of an epoch is a function of (seed, epoch), so a resumed run meets the same batches. Rows of
similar length share a step, because padding is computed like everything else. Lengths and loss positions
are rounded up, because a matrix product of a size that was not met before has to be prepared first, which
costs more than a few tokens of padding (a third of a step at 15 M parameters).

Where several processes train together, the rows of a step are dealt out among them: its examples stay the
same, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler

from narrowcast.models.chat import IGNORED
from narrowcast.training.data.rows import TokenRow

_GROUP = 25  # steps whose rows are sorted by length together
_LENGTHS = 16  # tokens; contexts are multiples of it, so a row that fits still fits
_LOSSES = 32


class LengthGroupedBatches(Sampler[list[int]]):  # type: ignore[misc]
    """Micro-batches of row numbers; each run of `parts(batch_size, …)` of them is one step.

    Args:
        lengths: tokens of each row.
        batch_size: examples per step, of all processes together.
        micro_batch_size: examples per forward pass.
        seed: of the order.
        process: which one this is, from 0.
        processes: how many there are.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        micro_batch_size: int,
        seed: int,
        *,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        self.batch_size = micro_batch_size  # the name accelerate reads
        self.drop_last = False
        self._lengths = lengths
        self._step_rows = batch_size
        self._seed = seed
        self._process, self._processes = process, processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Micro-batches per epoch."""
        whole, rest = divmod(len(self._lengths), self._step_rows)
        last = self._parts(rest) if rest else 0
        return whole * self._parts(self._step_rows) + last

    def __iter__(self) -> Iterator[list[int]]:
        """Micro-batches of this epoch."""
        for step in self._steps():
            if self._processes > 1:
                yield from self._dealt(step)
                continue
            for start in range(0, len(step), self.batch_size):
                yield step[start : start + self.batch_size]

    def _dealt(self, step: list[int]) -> Iterator[list[int]]:
        """This process's rows of a step, in as many parts as every other process has."""
        if len(step) < self._processes:
            yield step  # too few to deal: all compute them all, whose mean is the same gradient
            return
        own, number = step[self._process :: self._processes], self._parts(len(step))
        for part in range(number):
            yield own[len(own) * part // number : len(own) * (part + 1) // number]

    def _parts(self, rows: int) -> int:
        return parts(rows, self.batch_size, self._processes)

    def _steps(self) -> list[list[int]]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        steps = []
        span = self._step_rows * _GROUP
        for start in range(0, len(order), span):
            group = sorted(order[start : start + span], key=lambda row: self._lengths[row])
            steps += [group[at : at + self._step_rows] for at in range(0, len(group), self._step_rows)]
        # The short step, if any, stays last: accumulation counts whole steps.
        short = [step for step in steps if len(step) < self._step_rows]
        whole = [step for step in steps if len(step) == self._step_rows]
        shuffled = torch.randperm(len(whole), generator=generator).tolist()
        return [whole[at] for at in shuffled] + short


def parts(rows: int, micro_batch_size: int, processes: int = 1) -> int:
    """Micro-batches that each process makes of the rows of a step, none of them empty.

    One of them may be a row larger than asked, where the rows do not divide.
    """
    largest = -(-rows // processes)
    return max(1, min(-(-largest // micro_batch_size), rows // processes))


def collate(rows: Sequence[TokenRow], pad: int) -> dict[str, Any]:
    """A batch padded on the right.

    Returns:
        `input_ids` [rows, longest]; `positions` [n], numbers into the flattened [rows × longest] grid whose
        logits are needed; `labels` [n], the token to be predicted at each, `IGNORED` for fillers at the end;
        `tokens`, how many are not padding; `weights` [n] where rows weigh their tokens.
    """
    longest = padded_length(rows)
    input_ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    positions: list[int] = []
    labels: list[int] = []
    for number, row in enumerate(rows):
        input_ids[number, : len(row.ids)] = torch.tensor(row.ids)
        targets = row.targets
        positions += [number * longest + place - 1 for place in targets]
        labels += [row.ids[place] for place in targets]
    fillers = _round_up(len(labels), _LOSSES) - len(labels)
    positions += [0] * fillers
    labels += [IGNORED] * fillers
    return {
        "input_ids": input_ids,
        "positions": torch.tensor(positions),
        "labels": torch.tensor(labels),
        "tokens": sum(len(row.ids) for row in rows),
        **loss_weights(rows, len(labels)),
    }


def loss_weights(rows: Sequence[TokenRow], labels: int) -> dict[str, torch.Tensor]:
    """`weights` [labels] of a batch's labels, 0 for fillers; empty where every token counts one."""
    if not any(row.weights for row in rows):
        return {}
    weights = [weight for row in rows for weight in row.target_weights]
    return {"weights": torch.tensor(weights + [0.0] * (labels - len(weights)))}


def padded_length(rows: Sequence[TokenRow]) -> int:
    """Tokens each row takes."""
    return _round_up(max(len(row.ids) for row in rows), _LENGTHS)


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step
