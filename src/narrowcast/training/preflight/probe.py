"""Ten updates of the run that is meant: its weights, rows, layout, optimiser and trainer; nothing is kept.

Updates are picked from the first epoch's order at even ranks of their size, and each is done twice: the first
pass prepares matrix products of that shape, the second shows what an update costs from then on. The largest
comes last, because a run too meets it when smaller ones have cut the heap into pieces, and then it takes more
memory than in a fresh one. Two updates go before the others without being timed: they make the optimiser's
state and claim memory, which a run does once and not at every update. The learning rate is 0, which costs as
much as any other and can not diverge.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import PrinterCallback, TrainerCallback

from narrowcast.core.stage import StageContext
from narrowcast.models.allocator import kept_pages
from narrowcast.models.memory import peak_bytes, reset_peak
from narrowcast.training.batches import LengthGroupedBatches, padded_length
from narrowcast.training.material import Material
from narrowcast.training.objectives.build import probe_objective
from narrowcast.training.options import Options
from narrowcast.training.packing.batch import batch_length
from narrowcast.training.preflight.forecast import Forecast, update_seconds
from narrowcast.training.session import training_arguments
from narrowcast.training.trainer import CompletionTrainer
from narrowcast.training.weights import trainable_model

_WARM = 2  # updates before the first that is timed
_MOST_SECONDS = 120.0  # a slow machine is forecast from fewer updates
_HEAP_GROWTH = 1.2  # of the resident set, by a run's many sizes of batches; 1.17 from update 5 to 140 at 9 M
_SIZED = 64  # updates that are packed to learn their size; all of a large set would outlast the probe

Update = list[list[int]]  # micro-batches of row numbers


def probe(material: Material, options: Options, ctx: StageContext) -> Forecast:
    """Try `options.probe_steps` updates and forecast the run.

    Raises:
        CancelledError: on request.
        StageError: `training_diverged` where the loss is no number.
    """
    updates = _epoch(material, options)
    sizes = [_size(update, material) for update in updates]
    tried = _picked(sizes, max(1, options.probe_steps // 2))
    gc.collect()
    reset_peak()
    ctx.progress.start("trying updates", _WARM + 2 * len(tried))
    clock = _Clock(ctx)
    with TemporaryDirectory() as folder, kept_pages():
        dev_seconds = _run(material, options, [updates[at] for at in tried], clock, Path(folder))
    ctx.cancel.check(reason_code="training_cancelled", stage="training")
    peak = peak_bytes()
    if material.recipe.layout == "tree" and not torch.cuda.is_available():
        peak = int(peak * _HEAP_GROWTH)
    gc.collect()
    ctx.progress.finish()
    return _forecast(material, options, sizes, [sizes[at] for at in tried], clock.seconds, dev_seconds, peak)


def _forecast(
    material: Material,
    options: Options,
    sizes: list[int],
    tried: list[int],
    seconds: list[float],
    dev_seconds: float,
    peak: int,
) -> Forecast:
    firsts, seconds_ = seconds[0::2], seconds[1::2] or seconds[:1]
    each = update_seconds(sizes, list(zip(tried, seconds_, strict=False)))
    extra = [max(0.0, first - second) for first, second in zip(firsts, seconds_, strict=False)]
    per_shape = median(extra[1:]) if len(extra) > 1 else 0.0
    updates = material.updates
    cadence = options.eval_every or max(1, updates // material.recipe.epochs)
    dev_losses = -(-updates // cadence) if material.dev.rows else 0
    # The run follows in this process, where products of the shapes that were tried are prepared already.
    untried = min(len({*sizes} - {*tried}), updates)
    whole = each * updates + per_shape * untried + dev_seconds * dev_losses
    return Forecast(
        seconds=round(whole, 2),
        peak_bytes=peak,
        steps=len(seconds),
        seconds_per_update=round(each, 5),
        seconds_per_shape=round(per_shape, 5),
        seconds_per_dev_loss=round(dev_seconds, 3),
        updates=updates,
        dev_losses=dev_losses,
    )


def _run(material: Material, options: Options, updates: list[Update], clock: _Clock, folder: Path) -> float:
    """Train on the updates, each twice; seconds of one pass over the dev rows are returned."""
    recipe = material.recipe
    arguments = training_arguments(material, options, folder)
    arguments.max_steps = _WARM + 2 * len(updates)
    arguments.learning_rate = 0.0
    dev = sorted(material.dev.rows, key=lambda row: row.size)
    middle = max(0, len(dev) // 2 - recipe.micro_batch_size)
    sample = dev[middle : middle + 2 * recipe.micro_batch_size]
    torch.manual_seed(options.seed)
    trainer = _Probe(
        trainable_model(material, options),
        arguments,
        rows=material.train.rows,
        dev_rows=sample,
        update_size=options.batch_size,
        pad=material.tokenizer.pad_token_id or 0,
        bf16=recipe.precision == "bf16",
        objective=probe_objective(material, options),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.chosen = [updates[0]] * _WARM + [update for each in updates for update in (each, each)]
    trainer.train()
    if not sample:
        return 0.0
    trainer.dev_loss()
    began = time.monotonic()
    trainer.dev_loss()
    share = sum(row.size for row in dev) / sum(row.size for row in sample)
    return (time.monotonic() - began) * share


class _Probe(CompletionTrainer):
    """The trainer on a fixed list of updates."""

    chosen: list[Update]

    def get_train_dataloader(self) -> Any:
        batches = _Fixed([micro for update in self.chosen for micro in update], self._train_batch_size)
        loader = DataLoader(self._rows, batch_sampler=batches, collate_fn=self._batch)
        return self.accelerator.prepare(loader)


class _Fixed(Sampler[list[int]]):  # type: ignore[misc]
    def __init__(self, batches: list[list[int]], size: int) -> None:
        self.batch_size, self.drop_last = size, False  # the names accelerate reads
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)


class _Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds between the ends of updates, as the run itself will count them, after the warm ones."""

    def __init__(self, ctx: StageContext) -> None:
        self.seconds: list[float] = []
        self._warm = 0
        self._ctx = ctx
        self._began = self._last = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._began = self._last = time.monotonic()

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> None:
        now = time.monotonic()
        if self._warm < _WARM:
            self._warm += 1
        else:
            self.seconds.append(now - self._last)
        self._last = now
        self._ctx.progress.advance()
        slow = now - self._began > _MOST_SECONDS and self.seconds and len(self.seconds) % 2 == 0
        if slow or self._ctx.cancel.requested:
            control.should_training_stop = True


def _epoch(material: Material, options: Options) -> list[Update]:
    """The updates of the first epoch; whole ones where there is one."""
    recipe = material.recipe
    order = LengthGroupedBatches(
        [row.size for row in material.train.rows],
        options.batch_size,
        recipe.micro_batch_size,
        options.seed,
    )
    batches = list(order)
    per_update = recipe.accumulation
    updates = [batches[at : at + per_update] for at in range(0, len(batches), per_update)]
    whole = [each for each in updates if sum(map(len, each)) == options.batch_size]
    known = whole or updates
    return (
        known[:_SIZED] if recipe.layout == "tree" else known
    )  # in random order, so the first are a fair draw


def _picked(sizes: list[int], number: int) -> list[int]:
    """Update numbers at even ranks of size, the largest last, none of a size that was picked before."""
    ranked = sorted(range(len(sizes)), key=lambda at: sizes[at])
    step = (len(ranked) - 1) / max(1, number - 1)
    places = [len(ranked) - 1 - round(place * step) for place in reversed(range(number))]
    wanted = [ranked[place] for place in dict.fromkeys(places)]
    return [next(group) for _, group in groupby(wanted, key=lambda at: sizes[at])]


def _size(update: Update, material: Material) -> int:
    """Tokens that an update computes, as `collate` and `pack` round them."""
    sides = [[side for at in micro for side in material.train.rows[at].sides()] for micro in update]
    if material.recipe.layout == "padded":
        return sum(len(micro) * padded_length(micro) for micro in sides)
    return sum(batch_length(micro) for micro in sides)
