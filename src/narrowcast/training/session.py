"""The run itself: weights in, `Trainer` loop, weights out."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainingArguments

from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.errors import NarrowcastError
from narrowcast.models.allocator import kept_pages
from narrowcast.training.checks.dev_score import DevScore
from narrowcast.training.checks.forgetting import GeneralText, compare_bits
from narrowcast.training.data.batches import parts
from narrowcast.training.monitor import Monitor
from narrowcast.training.objectives.build import build_objective
from narrowcast.training.options import Options
from narrowcast.training.outputs.checkpoints import BEST, step_of
from narrowcast.training.outputs.saved_run import save_run
from narrowcast.training.outputs.trace import Trace, plot_losses
from narrowcast.training.packing.calibration import plan_layout
from narrowcast.training.recipes.selection import best_of, evaluations
from narrowcast.training.setup import TrainingSetup
from narrowcast.training.tracking.feeds import Tracking
from narrowcast.training.trainer import CompletionTrainer, TrainingRows
from narrowcast.training.weights import trainable_model


class Session:
    """One run, from loaded weights to saved ones.

    Attributes:
        forgetting: bits per byte of general text before and after; empty where not read.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        options: Options,
        ctx: StageContext,
        folder: Path,
        checkpoint: Path | None,
        tracking: Tracking,
    ) -> None:
        self._setup, self._options, self._ctx = setup, options, ctx
        self._folder, self._checkpoint = folder, checkpoint
        self.forgetting: dict[str, float] = {}
        ctx.progress.start(f"loading {setup.base.name}")
        torch.manual_seed(options.seed)  # of the adapter's initial weights
        self.model = trainable_model(setup, options)
        plan_layout(setup, options, self.model, folder, ctx)
        step = step_of(checkpoint) if checkpoint else 0
        self._trace = Trace(folder / "trace.csv", step, keep=not ctx.settings.process)
        for line in self._trace.lines:  # a tracker takes those it lacks
            tracking.add(line)
        self._monitor = Monitor(options, setup.recipe.select_by, ctx, self._trace, folder, tracking)
        by_metric = setup.recipe.select_by == "metric"
        self._score = DevScore(setup, options.select_rows, ctx) if by_metric else None
        self._trainer = CompletionTrainer(
            self.model,
            training_arguments(setup, options, folder, ctx.settings.processes),
            TrainingRows(
                rows=setup.train.rows,
                dev_rows=setup.dev.rows,
                batch_size=options.batch_size,
                pad=setup.tokenizer.pad_token_id or 0,
                word_dropout=setup.recipe.word_dropout,
            ),
            bf16=setup.recipe.precision == "bf16",
            objective=build_objective(setup, options, self.model, ctx),
            dev_score=self._score,
            callbacks=[self._monitor],
            seal=ctx.seal,
        )
        self._trainer.remove_callback(PrinterCallback)
        self._monitor.trainer = self._trainer

    def run(self) -> None:
        """Train to the last step, or until something stops it."""
        recipe = self._setup.recipe
        self._ctx.emit(
            "training_started",
            f"{recipe.method}: {self._setup.steps:,} steps, {len(self._setup.train.rows):,} rows",
            {"recipe": recipe.model_dump(mode="json"), "base": self._setup.base.name},
        )
        try:
            self._train()
        except BaseException:
            with suppress(NarrowcastError, OSError):  # what stopped the run matters more than its picture
                self._draw()
            raise
        self._draw()

    def _train(self) -> None:
        general = GeneralText(self._setup) if self._options.forgetting_check else None
        before = general.bits(self._trainer) if general else {}
        with kept_pages():
            self._trainer.train(resume_from_checkpoint=str(self._checkpoint) if self._checkpoint else None)
        self._monitor.restore_best()
        if general and self.stopped in ("", "early"):
            self.forgetting = compare_bits(before, general.bits(self._trainer))

    def _draw(self) -> None:
        if self._trace.lines and not self._ctx.settings.process:
            method, base = self._setup.recipe.method, self._setup.base.name
            title = f"{self._ctx.run_id}: {method} fine-tune of {base}"
            plot_losses(self._trace.lines, self._folder / "loss.png", title)

    def save(self, manifest: RunManifest) -> RunManifest:
        """Write the weights; checkpoints are no longer needed."""
        import shutil

        model = self._trainer.accelerator.unwrap_model(self.model)
        saved = save_run(self._ctx.project, model, self._setup.tokenizer, manifest, self._ctx.seal)
        shutil.rmtree(self._folder / "checkpoints", ignore_errors=True)
        (self._folder / BEST).unlink(missing_ok=True)
        return saved

    @property
    def stopped(self) -> str:
        """Why the run ended before its last step: `cancelled`, `timeout`, `early`, or ""."""
        return self._monitor.stopped

    @property
    def steps(self) -> int:
        """Updates done."""
        return int(self._trainer.state.global_step)

    @property
    def seconds(self) -> float:
        """Seconds of training, earlier processes included."""
        return self._trace.seconds

    @property
    def tokens(self) -> int:
        """Tokens trained on, padding not counted."""
        return self._trace.tokens

    def selection(self) -> dict[str, Any]:
        """Which evaluation's weights were kept; empty where they are the last step's."""
        by, figures = self._setup.recipe.select_by, evaluations(self._trainer.state.log_history)
        if by == "last" or not figures:
            return {}
        best = figures[best_of(figures, by)]
        kept = {"by": by, "step": best["step"], "dev_loss": best["eval_loss"], "evaluations": len(figures)}
        if self._score is not None:
            kept |= {"metric": self._score.metric, "score": best["eval_score"], "rows": self._score.rows}
        return kept

    @property
    def weights_dtype(self) -> str:
        """Type of the trained weights."""
        trained = next(each for each in self.model.parameters() if each.requires_grad)
        return str(trained.dtype).removeprefix("torch.")

    def losses(self) -> dict[str, float]:
        """Mean training loss of the last epoch, the last dev loss and the best one."""
        lines = [line for line in self._trace.lines if line.loss is not None]
        last = [line.loss or 0.0 for line in lines if line.epoch > lines[-1].epoch - 1]
        figures = {"final_train": sum(last) / len(last)}
        dev = [line.dev_loss for line in self._trace.lines if line.dev_loss is not None]
        if dev:
            figures |= {"dev": dev[-1], "dev_best": min(dev)}
        return figures


def training_arguments(setup: TrainingSetup, options: Options, folder: Path, processes: int = 1) -> Any:
    """Arguments of the trainer; evaluation, saving and stopping are the monitor's."""
    recipe = setup.recipe
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.micro_batch_size,
        gradient_accumulation_steps=parts(recipe.batch_size, recipe.micro_batch_size, processes),
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_steps=math.ceil(setup.steps * options.warmup_ratio),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        optim="paged_adamw_8bit" if recipe.method == "qlora" and gpu else "adamw_torch_fused",
        seed=options.seed,
        save_strategy="no",  # the monitor decides
        save_total_limit=2,
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=gpu,
        use_cpu=not gpu,
        ddp_find_unused_parameters=False,  # every trained weight is met in every step
    )
