"""Fine-tuning a sentence encoder with a head.

All weights are trained by AdamW with a linear warm-up and decay. Each epoch ends in a checkpoint; what is
drawn at random in an epoch follows from the seed and its number, so that a run that continues equals one that
never stopped.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from narrowcast.core.seal import Seal
from narrowcast.core.stage import StageContext
from narrowcast.errors import CancelledError
from narrowcast.models.arithmetic import processor_precision
from narrowcast.store.files import atomic_folder, write_json
from narrowcast.training.classifiers.head import Head
from narrowcast.training.classifiers.tuning import Tuning
from narrowcast.training.outputs.checkpoints import drop_incomplete, last_checkpoint, mark_complete, step_of

_WINDOW = 32  # batches whose rows are sorted by length, so that little is spent on padding
_KEPT = 2  # checkpoints; each has the weights three times
_STATE, _PLACE = "state.safetensors", "epoch.json"
_ADAM = ("exp_avg", "exp_avg_sq", "step")


class Tuner:
    """Trains an encoder in place, together with a head.

    Args:
        head: on the encoder; the weights of both are changed.
        how: they are trained.

    Attributes:
        steps: done so far.
        losses: mean of each epoch, in the head's unit.
        seconds_before: that earlier processes of this run took, up to the checkpoint that is continued.
    """

    def __init__(self, head: Head, how: Tuning) -> None:
        self._head, self._how = head, how
        self._encoder = head.encoder.model
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [*self._encoder.parameters()], "lr": how.rate, "weight_decay": how.decay},
                {"params": head.parameters(), "lr": how.head_rate, "weight_decay": 0.0},
            ],
            fused=True,
        )
        self._bf16 = processor_precision()[0] == "bf16"
        self.steps = 0
        self.losses: list[float] = []
        self.seconds_before = 0.0
        self._began = time.perf_counter()

    @property
    def _planned(self) -> int:
        """Steps of the whole run."""
        return self._how.steps(len(self._head.lengths))

    def run(self, checkpoints: Path, ctx: StageContext) -> None:
        """Train to the end, from the last checkpoint where there is one.

        Raises:
            CancelledError: on request; the checkpoint of the last whole epoch stays.
        """
        drop_incomplete(checkpoints)
        if (last := last_checkpoint(checkpoints)) is not None:
            self._restore(last)
        # The bar holds what is left: the time left would be forecast by what earlier processes did.
        resumed = f", from step {self.steps:,}" if self.steps else ""
        ctx.progress.start(f"fine-tuning the encoder{resumed}", self._planned - self.steps)
        self._encoder.train()
        for epoch in range(len(self.losses), self._how.epochs):
            self.losses.append(self._epoch(epoch, checkpoints, ctx))
            if epoch + 1 < self._how.epochs:
                self._save(checkpoints, ctx.seal)
        self._encoder.eval()

    def _epoch(self, epoch: int, checkpoints: Path, ctx: StageContext) -> float:
        how, seed = self._how, self._how.seed * 1_000_003 + epoch
        torch.manual_seed(seed)
        total, units = 0.0, 0
        for rows in batches(self._head.lengths, how.batch, seed):
            if ctx.cancel.requested:
                raise self._stopped(checkpoints)
            self._set_rates()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bf16):
                states = self._head.states(rows)
            loss, count = self._head.loss(states.float(), rows)
            self._optimizer.zero_grad()
            loss.backward()
            if how.clip:
                torch.nn.utils.clip_grad_norm_(self._parameters(), how.clip)
            self._optimizer.step()
            self.steps += 1
            total, units = total + float(loss.detach()) * count, units + count
            ctx.progress.advance()
        return total / units

    def _stopped(self, checkpoints: Path) -> CancelledError:
        kept = last_checkpoint(checkpoints) is not None
        return CancelledError(
            "training was stopped; the checkpoint of the last whole epoch was kept"
            if kept
            else "training was stopped in its first epoch, so there is no checkpoint",
            where=str(checkpoints) if kept else "",
            next_command="narrowcast train --resume" if kept else "the same command again",
            reason_code="training_cancelled",
        )

    def _set_rates(self) -> None:
        steps = self._planned
        warm = max(1, round(self._how.warmup * steps))
        share = min((self.steps + 1) / warm, (steps - self.steps) / max(1, steps - warm))
        for group, peak in zip(
            self._optimizer.param_groups, (self._how.rate, self._how.head_rate), strict=True
        ):
            group["lr"] = peak * share

    def _parameters(self) -> list[Any]:
        return [*self._encoder.parameters(), *self._head.parameters()]

    def _save(self, checkpoints: Path, seal: Seal) -> None:
        from safetensors.torch import save_file

        with atomic_folder(checkpoints / f"checkpoint-{self.steps}") as folder:
            tensors = {f"weight.{number}": each.detach() for number, each in enumerate(self._parameters())}
            for number, each in enumerate(self._parameters()):
                state = self._optimizer.state.get(each, {})
                tensors |= {f"{name}.{number}": state[name] for name in _ADAM if name in state}
            save_file({name: each.contiguous() for name, each in tensors.items()}, folder / _STATE)
            seconds = self.seconds_before + time.perf_counter() - self._began
            write_json(folder / _PLACE, {"steps": self.steps, "losses": self.losses, "seconds": seconds})
        mark_complete(str(checkpoints), self.steps, seal)
        for former in sorted(checkpoints.glob("checkpoint-*"), key=step_of)[:-_KEPT]:
            shutil.rmtree(former)

    def _restore(self, checkpoint: Path) -> None:
        from safetensors.torch import load_file

        tensors = load_file(checkpoint / _STATE)
        place = json.loads((checkpoint / _PLACE).read_text(encoding="utf-8"))
        self.steps, self.losses = int(place["steps"]), list(place["losses"])
        self.seconds_before = float(place.get("seconds", 0.0))  # earlier versions wrote none
        with torch.no_grad():
            for number, each in enumerate(self._parameters()):
                each.copy_(tensors[f"weight.{number}"])
                state = {name: tensors[f"{name}.{number}"] for name in _ADAM if f"{name}.{number}" in tensors}
                if state:
                    self._optimizer.state[each] = state


def batches(lengths: Sequence[int], size: int, seed: int) -> Iterator[list[int]]:
    """Row numbers in a random order, in batches of rows of about the same length."""
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=draw).tolist()
    window = size * _WINDOW
    rows_of_batches = []
    for start in range(0, len(order), window):
        rows = sorted(order[start : start + window], key=lengths.__getitem__)
        rows_of_batches += [rows[at : at + size] for at in range(0, len(rows), size)]
    for number in torch.randperm(len(rows_of_batches), generator=draw).tolist():
        yield rows_of_batches[number]
