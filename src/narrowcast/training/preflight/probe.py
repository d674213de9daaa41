"""Ten steps of the run that is meant: its weights, rows, layout, optimiser and trainer; nothing is kept.

Updates are picked from the first epoch's order at even ranks of their size, and each is done twice: the first
pass prepares matrix products of that shape, the second shows what a step costs from then on. The largest
comes last, because a run too meets it when smaller ones have cut the heap into pieces, and then it takes more
memory than in a fresh one. Two steps go before the others without being timed: they make the optimiser's
state and claim memory, which a run does once and not at every step. The learning rate is 0, which costs as
much as any other and cannot diverge.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import PrinterCallback, TrainerCallback

from narrowcast.core.seal import seal_nothing
from narrowcast.core.stage import StageContext
from narrowcast.models.allocator import kept_pages
from narrowcast.models.memory import peak_bytes, reset_peak
from narrowcast.store.leftovers import scratch_folder
from narrowcast.training.data.batches import LengthGroupedBatches, padded_length
from narrowcast.training.objectives.build import probe_objective
from narrowcast.training.options import Options
from narrowcast.training.packing.batch import batch_length
from narrowcast.training.preflight.forecast import Forecast, step_seconds
from narrowcast.training.session import training_arguments
from narrowcast.training.setup import TrainingSetup
from narrowcast.training.trainer import CompletionTrainer, TrainingRows
from narrowcast.training.weights import trainable_model

_WARM = 2  # steps before the first that is timed
_MOST_SECONDS = 120.0  # a slow machine is forecast from fewer steps
_HEAP_GROWTH = 1.2  # of the resident set, by a run's many sizes of batches; 1.17 from step 5 to 140 at 9 M
_SIZED = 64  # steps that are packed to learn their size; all of a large set would outlast the probe

Step = list[list[int]]  # micro-batches of row numbers


def probe(setup: TrainingSetup, options: Options, ctx: StageContext) -> Forecast:
    """Try `options.probe_steps` steps and forecast the run.

    Raises:
        CancelledError: on request.
        StageError: `training_diverged` where the loss is not finite.
    """
    steps = _epoch(setup, options)
    sizes = [_size(step, setup) for step in steps]
    tried = _picked(sizes, max(1, options.probe_steps // 2))
    gc.collect()
    reset_peak()
    ctx.progress.start("trying steps", _WARM + 2 * len(tried))
    clock = _Clock(ctx)
    with scratch_folder("probe") as folder, kept_pages():
        dev_seconds = _run(setup, options, ctx, [steps[at] for at in tried], clock, folder)
    ctx.cancel.check(reason_code="training_cancelled")
    peak = peak_bytes()
    if setup.recipe.layout == "tree" and not torch.cuda.is_available():
        peak = int(peak * _HEAP_GROWTH)
    gc.collect()
    ctx.progress.finish()
    return _forecast(setup, options, sizes, [sizes[at] for at in tried], clock.seconds, dev_seconds, peak)


def _forecast(
    setup: TrainingSetup,
    options: Options,
    sizes: list[int],
    tried: list[int],
    seconds: list[float],
    dev_seconds: float,
    peak: int,
) -> Forecast:
    firsts, seconds_ = seconds[0::2], seconds[1::2] or seconds[:1]
    each = step_seconds(sizes, list(zip(tried, seconds_, strict=False)))
    extra = [max(0.0, first - second) for first, second in zip(firsts, seconds_, strict=False)]
    per_shape = median(extra[1:]) if len(extra) > 1 else 0.0
    steps = setup.steps
    cadence = options.eval_every or max(1, steps // setup.recipe.epochs)
    dev_losses = -(-steps // cadence) if setup.dev.rows else 0
    # The run follows in this process, where products of the shapes that were tried are prepared already.
    untried = min(len({*sizes} - {*tried}), steps)
    whole = each * steps + per_shape * untried + dev_seconds * dev_losses
    return Forecast(
        seconds=round(whole, 2),
        peak_bytes=peak,
        timed_steps=len(seconds),
        seconds_per_step=round(each, 5),
        seconds_per_shape=round(per_shape, 5),
        seconds_per_dev_loss=round(dev_seconds, 3),
        steps=steps,
        dev_losses=dev_losses,
        epochs=setup.recipe.epochs,
    )


def _run(
    setup: TrainingSetup, options: Options, ctx: StageContext, steps: list[Step], clock: _Clock, folder: Path
) -> float:
    """Train on the steps, each twice; seconds of one pass over the dev rows are returned."""
    recipe = setup.recipe
    arguments = training_arguments(setup, options, folder)
    arguments.max_steps = _WARM + 2 * len(steps)
    arguments.learning_rate = 0.0
    dev = sorted(setup.dev.rows, key=lambda row: row.size)
    middle = max(0, len(dev) // 2 - recipe.micro_batch_size)
    sample = dev[middle : middle + 2 * recipe.micro_batch_size]
    torch.manual_seed(options.seed)
    model = trainable_model(setup, options)
    trainer = _Probe(
        model,
        arguments,
        TrainingRows(
            rows=setup.train.rows,
            dev_rows=sample,
            batch_size=options.batch_size,
            pad=setup.tokenizer.pad_token_id or 0,
        ),
        bf16=recipe.precision == "bf16",
        objective=probe_objective(setup, options, model, ctx),
        callbacks=[clock],
        seal=seal_nothing,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.chosen = [steps[0]] * _WARM + [step for each in steps for step in (each, each)]
    trainer.train()
    if not sample:
        return 0.0
    trainer.dev_loss()
    began = time.monotonic()
    trainer.dev_loss()
    share = sum(row.size for row in dev) / sum(row.size for row in sample)
    return (time.monotonic() - began) * share


class _Probe(CompletionTrainer):
    """The trainer on a fixed list of steps."""

    chosen: list[Step]

    def get_train_dataloader(self) -> Any:
        batches = _Fixed([micro for step in self.chosen for micro in step], self._train_batch_size)
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
    """Seconds between the ends of steps, as the run itself will count them, after the warm ones."""

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


def _epoch(setup: TrainingSetup, options: Options) -> list[Step]:
    """The steps of the first epoch; whole ones where there is one."""
    recipe = setup.recipe
    order = LengthGroupedBatches(
        [row.size for row in setup.train.rows],
        options.batch_size,
        recipe.micro_batch_size,
        options.seed,
    )
    batches = list(order)
    per_step = recipe.accumulation
    steps = [batches[at : at + per_step] for at in range(0, len(batches), per_step)]
    whole = [each for each in steps if sum(map(len, each)) == options.batch_size]
    known = whole or steps
    return (
        known[:_SIZED] if recipe.layout == "tree" else known
    )  # in random order, so the first are a fair draw


def _picked(sizes: list[int], number: int) -> list[int]:
    """Step numbers at even ranks of size, the largest last, none of a size that was picked before."""
    ranked = sorted(range(len(sizes)), key=lambda at: sizes[at])
    step = (len(ranked) - 1) / max(1, number - 1)
    places = [len(ranked) - 1 - round(place * step) for place in reversed(range(number))]
    places_picked = [ranked[place] for place in dict.fromkeys(places)]
    return [next(group) for _, group in groupby(places_picked, key=lambda at: sizes[at])]


def _size(step: Step, setup: TrainingSetup) -> int:
    """Tokens that a step computes, as `collate` and `pack` round them."""
    sides = [[side for at in micro for side in setup.train.rows[at].sides()] for micro in step]
    if setup.recipe.layout == "padded":
        return sum(len(micro) * padded_length(micro) for micro in sides)
    return sum(batch_length(micro) for micro in sides)
