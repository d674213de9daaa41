"""The trainer's run, tried again with less at once where it ran out of memory.

A smaller micro-batch means more of them in an update: the rows of every update, the number of updates and the
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
from narrowcast.training.checkpoints import drop_incomplete, last_checkpoint, step_of
from narrowcast.training.failures import training_failures
from narrowcast.training.material import Material
from narrowcast.training.options import Options
from narrowcast.training.preflight.expected import expect
from narrowcast.training.session import Session
from narrowcast.training.tracking.feeds import Tracking


def attempt(
    material: Material,
    options: Options,
    ctx: StageContext,
    folder: Path,
    checkpoint: Path | None,
    tracking: Tracking,
) -> tuple[Session, Material, int]:
    """Train to the end, or until something stops it.

    Returns:
        The session, the material with the micro-batch that fitted, and the peak of memory in bytes.

    Raises:
        StageError: `training_oom` where no retry is left, or any other of the codes `training_*`.
    """
    # Of several processes one can not try again alone: the others wait for its gradients.
    left = options.oom_retries if ctx.settings.processes == 1 else 0
    while True:
        try:
            with training_failures(folder):
                return _once(material, options, ctx, folder, checkpoint, tracking)
        except StageError as error:
            if error.reason_code != "training_oom" or not left or material.recipe.micro_batch_size == 1:
                raise
        # Past the block the traceback is gone, and with it what held the model.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        left -= 1
        drop_incomplete(folder / "checkpoints")
        checkpoint = last_checkpoint(folder / "checkpoints")
        material = _with_less_at_once(material, ctx, step_of(checkpoint) if checkpoint else 0)


def _once(
    material: Material,
    options: Options,
    ctx: StageContext,
    folder: Path,
    checkpoint: Path | None,
    tracking: Tracking,
) -> tuple[Session, Material, int]:
    if checkpoint is None and options.preflight != "off":
        expect(material, options, ctx, folder)
    reset_peak()
    session = Session(material, options, ctx, folder, checkpoint, tracking)
    session.run()
    peak = peak_bytes()  # drawing the trace takes some too
    return session, material, peak


def _with_less_at_once(material: Material, ctx: StageContext, step: int) -> Material:
    """Half the micro-batch, such that an update is cut into parts as even as before."""
    recipe = material.recipe
    parts = math.ceil(recipe.batch_size / max(1, recipe.micro_batch_size // 2))
    micro = math.ceil(recipe.batch_size / parts)
    because = f"out of memory with {recipe.micro_batch_size}"
    smaller = recipe.model_copy(
        update={"micro_batch_size": micro, "reasons": {**recipe.reasons, "micro_batch_size": because}}
    )
    message = (
        f"{because} examples at once: trying {micro} from update {step}, "
        f"{smaller.accumulation} times an update of {recipe.batch_size}"
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
    return replace(material, recipe=smaller)
