"""What watches a run: progress, trace, checkpoints, dev losses, early stopping, cancel, time limit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from narrowcast.core.stage import StageContext
from narrowcast.store.files import sha256_file
from narrowcast.training.options import Options
from narrowcast.training.outputs.checkpoints import BEST
from narrowcast.training.outputs.trace import Trace, TraceLine
from narrowcast.training.recipes.selection import SelectBy, best_of, evaluations
from narrowcast.training.tracking.feeds import Tracking

Stopped = Literal["", "cancelled", "timeout", "early", "pruned"]


class Monitor(TrainerCallback):  # type: ignore[misc]
    """Reads its decisions from the trainer's state alone, so that a resumed run decides alike.

    Attributes:
        stopped: why training ended before its last step, "" where it did not.
    """

    def __init__(
        self,
        options: Options,
        select_by: SelectBy,
        ctx: StageContext,
        trace: Trace,
        folder: Path,
        tracking: Tracking,
    ) -> None:
        self.stopped: Stopped = ""
        self.trainer: Any = None  # set once the trainer exists
        self._options, self._ctx, self._trace, self._tracking = options, ctx, trace, tracking
        self._select_by: SelectBy = select_by
        self._best = folder / BEST
        self._seconds_before, self._tokens_before = trace.seconds, trace.tokens
        self._began = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training, earlier processes included."""
        return self._seconds_before + time.monotonic() - self._began

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start the clocks and the bar."""
        self._began = self._saved = time.monotonic()
        # Steps that are done already are left out of the bar: the time left would be forecast by them.
        done = state.global_step
        self._ctx.progress.start(
            f"training, from step {done:,}" if done else "training", state.max_steps - done
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide on dev loss, checkpoint and stop after this step."""
        options, step = self._options, state.global_step
        cadence = options.eval_every or state.max_steps // args.num_train_epochs
        control.should_evaluate = bool(self.trainer.has_dev_rows) and (
            step % max(1, int(cadence)) == 0 or step == state.max_steps
        )
        due = time.monotonic() - self._saved >= 60 * options.checkpoint_minutes
        control.should_save = due or bool(options.checkpoint_every and step % options.checkpoint_every == 0)
        limit = options.time_limit_minutes
        cancelled = self._ctx.cancel.requested
        expired = limit is not None and time.monotonic() - self._began >= 60 * limit
        cancelled, expired, control.should_save = self.trainer.agree(cancelled, expired, control.should_save)
        if cancelled:
            self._stop("cancelled", control)
        elif expired and step < state.max_steps:
            self._stop("timeout", control)

    def _stop(self, why: Stopped, control: Any) -> None:
        self.stopped = why
        control.should_training_stop = True
        # An evaluation that is due still comes, in front of the checkpoint: a resumed run would miss it.
        control.should_save = True

    def on_save(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Count the minutes to the next checkpoint from here."""
        self._saved = time.monotonic()
        self._trace.sync()

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Write the trace and show figures."""
        logs = logs or {}
        if "loss" not in logs and "eval_loss" not in logs:
            return
        tokens = self._tokens_before + self.trainer.tokens_seen
        line = TraceLine(
            step=state.global_step,
            epoch=round(state.epoch or 0.0, 4),
            loss=logs.get("loss"),
            dev_loss=logs.get("eval_loss"),
            dev_score=logs.get("eval_score"),
            learning_rate=logs.get("learning_rate"),
            grad_norm=logs.get("grad_norm"),
            tokens=tokens,
            seconds=round(self.seconds, 3),
        )
        self._trace.add(line)
        self._tracking.add(line)
        if "eval_loss" in logs:
            score = f", score {logs['eval_score']:.4f}" if "eval_score" in logs else ""
            self._ctx.progress.note(f"step {state.global_step:,}: dev loss {logs['eval_loss']:.4f}{score}")
        else:
            spent = max(1e-9, time.monotonic() - self._began)
            rate = (tokens - self._tokens_before) / spent
            self._ctx.progress.advance(1, loss=logs["loss"], **{"tokens/s": float(round(rate))})

    def on_evaluate(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the best weights, and stop where none better come or the watcher says so."""
        figures = evaluations(state.log_history)
        watch = self._ctx.watch
        if watch is not None and watch(len(figures), figures[-1]) and state.global_step < state.max_steps:
            self.stopped = "pruned"
            control.should_training_stop, control.should_save = True, False
            return
        if self._select_by == "last":
            return
        best = best_of(figures, self._select_by)
        if best == len(figures) - 1:
            self._keep_best(state)
        elif 0 < self._options.early_stopping <= len(figures) - 1 - best:
            self.stopped = "early"
            control.should_training_stop = True

    def _keep_best(self, state: Any) -> None:
        if state.is_world_process_zero:
            part = self._best.with_suffix(".part")
            save_file(_trainable(self.trainer.model), part)
            self._ctx.seal({self._best: sha256_file(part)})
            part.replace(self._best)

    def restore_best(self) -> None:
        """Put the best weights back, where some were kept."""
        if self._select_by != "last" and self._best.exists():
            import torch

            weights = load_file(self._best)
            with torch.no_grad():
                for name, parameter in self.trainer.model.named_parameters():
                    if name in weights:
                        parameter.copy_(weights[name])


def _trainable(model: Any) -> dict[str, Any]:
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
