"""The trainer's run, tried again with less at once where it ran out of memory.

A smaller micro-batch means more of them in a step: the rows of every step, the number of steps and the
learning rate stay what they were, and gradients stay equal up to rounding. Dropout is drawn anew for each
micro-batch, so its masks differ from those of a run that was never interrupted.
"""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from pathlib import Path

import torch

from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.models.memory import peak_bytes, reset_peak
from narrowcast.training.failures import training_failures
from narrowcast.training.options import Options
from narrowcast.training.outputs.checkpoints import drop_incomplete, last_checkpoint, step_of
from narrowcast.training.preflight.expected import as_begun, expect
from narrowcast.training.session import Session
from narrowcast.training.setup import TrainingSetup
from narrowcast.training.tracking.feeds import Tracking


def attempt(
    setup: TrainingSetup,
    options: Options,
    ctx: StageContext,
    folder: Path,
    checkpoint: Path | None,
    tracking: Tracking,
) -> tuple[Session, TrainingSetup, int]:
    """Train to the end, or until something stops it.

    Returns:
        The session, the setup with the micro-batch that fitted, and the peak of memory in bytes.

    Raises:
        StageError: `training_oom` where no retry is left, or any other of the codes `training_*`.
    """
    # Of several processes one cannot try again alone: the others wait for its gradients.
    left = options.oom_retries if ctx.settings.processes == 1 else 0
    while True:
        try:
            with training_failures(folder):
                return _once(setup, options, ctx, folder, checkpoint, tracking)
        except StageError as error:
            if error.reason_code != "training_oom" or not left or setup.recipe.micro_batch_size == 1:
                raise
        # Past the block the traceback is gone, and with it what held the model.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        left -= 1
        drop_incomplete(folder / "checkpoints")
        checkpoint = last_checkpoint(folder / "checkpoints")
        setup = _with_smaller_micro_batch(setup, ctx, step_of(checkpoint) if checkpoint else 0)


def _once(
    setup: TrainingSetup,
    options: Options,
    ctx: StageContext,
    folder: Path,
    checkpoint: Path | None,
    tracking: Tracking,
) -> tuple[Session, TrainingSetup, int]:
    if checkpoint is not None:
        setup = as_begun(setup, checkpoint)
    elif options.preflight != "off":
        setup = expect(setup, options, ctx, folder)
    reset_peak()
    session = Session(setup, options, ctx, folder, checkpoint, tracking)
    session.run()
    peak = peak_bytes()  # drawing the trace takes some too
    return session, setup, peak


def _with_smaller_micro_batch(setup: TrainingSetup, ctx: StageContext, step: int) -> TrainingSetup:
    """Half the micro-batch, such that a step is cut into parts as even as before."""
    recipe = setup.recipe
    parts = math.ceil(recipe.batch_size / max(1, recipe.micro_batch_size // 2))
    micro = math.ceil(recipe.batch_size / parts)
    because = f"out of memory with {recipe.micro_batch_size}"
    smaller = recipe.model_copy(
        update={"micro_batch_size": micro, "reasons": {**recipe.reasons, "micro_batch_size": because}}
    )
    message = (
        f"{because} examples per micro-batch: trying {micro} from step {step}, "
        f"{smaller.accumulation} times a step of {recipe.batch_size}"
    )
    ctx.progress.note(message)
    payload = {
        "from": recipe.micro_batch_size,
        "to": micro,
        "accumulation": smaller.accumulation,
        "batch_size": recipe.batch_size,
        "step": step,
    }
    ctx.emit("training_oom_retry", message, payload)
    return replace(setup, recipe=smaller)
