"""A `Trainer` whose loss costs no more than it must, and whose randomness can be resumed.

**Loss.** Rows are packed as a trie (see `packing`), or padded on the right without an attention mask: under
causal attention a token never sees what follows it, so the padding changes nothing and attention takes
its fast causal path.
The hidden states at positions with a loss are picked by a hook in front of the output layer, so logits of
other positions never exist. The sum over the tokens of a micro-batch is divided by the number of loss
tokens in the whole step, hence accumulation gives exactly the gradient of one large batch.

**Randomness.** Dropout is seeded by (seed, step, micro-batch) and the order of rows by (seed, epoch);
nothing depends on how often a process was restarted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import DataLoaderShard
from torch.utils.data import DataLoader
from transformers import Trainer

from narrowcast.core.seal import Seal
from narrowcast.errors import StageError
from narrowcast.models.chat import IGNORED
from narrowcast.training.data.batches import LengthGroupedBatches
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.data.word_dropout import WordDropout
from narrowcast.training.failures import no_room
from narrowcast.training.forward import picked_logits
from narrowcast.training.fused.last_layer import EarlyHead
from narrowcast.training.objectives.base import Objective
from narrowcast.training.outputs.checkpoints import drop_incomplete, mark_complete
from narrowcast.training.outputs.disk import why_no_room


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """What a trainer learns from, and how it is dealt out."""

    rows: Sequence[TokenRow]
    dev_rows: Sequence[TokenRow]
    """For the dev loss; may be empty."""
    batch_size: int
    """Examples per step."""
    pad: int
    """Id that fills short rows."""
    word_dropout: float = 0.0
    """Share of an input's tokens that are lost, anew in every epoch (see `data.word_dropout`)."""


class CompletionTrainer(Trainer):  # type: ignore[misc]
    """Fine-tunes on token rows.

    Args:
        model: causal language model, with adapters where LoRA trains.
        args: `TrainingArguments`; its per-device batch size is the micro-batch.
        data: the rows.
        bf16: compute matrix products in bf16.
        objective: makes batches of rows and says what their logits cost.
        dev_score: scores the model at each evaluation, in addition to the dev loss.
        callbacks: of `transformers`.
        seal: takes the hash of each checkpoint.
    """

    def __init__(
        self,
        model: Any,
        args: Any,
        data: TrainingRows,
        *,
        bf16: bool,
        objective: Objective,
        dev_score: Callable[[Any], float] | None = None,
        callbacks: list[Any],
        seal: Seal,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=data.rows, callbacks=callbacks)
        self.model_accepts_loss_kwargs = True  # the loss below is normalised over the whole step
        self._loss_shifts_labels = False  # `collate` shifted them already
        self.tokens_seen = self._tokens_reported = 0
        self.has_dev_rows = bool(data.dev_rows)
        self._rows, self._dev_rows = data.rows, data.dev_rows
        self._batch_size, self._bf16 = data.batch_size, bf16
        self._objective, self._pad = objective, data.pad
        self._batch = partial(objective.batch, pad=data.pad)
        dropped = data.word_dropout
        self._met = WordDropout(data.rows, dropped, args.seed) if dropped else data.rows
        self._dev_score, self._seal = dev_score, seal
        self._seeded_for = (-1, 0)
        self._head = EarlyHead(self.accelerator.unwrap_model(self.model))

    def get_train_dataloader(self) -> Any:
        """Length-grouped micro-batches."""
        batches = LengthGroupedBatches(
            [row.size for row in self._rows],
            self._batch_size,
            self.args.per_device_train_batch_size,
            self.args.seed,
            process=self.args.process_index,
            processes=self.args.world_size,
        )
        if self.args.world_size > 1:
            # As `prepare` would make it, but with rows that are dealt out already.
            return DataLoaderShard(
                self._met, device=self.accelerator.device, batch_sampler=batches, collate_fn=self._batch
            )
        loader = DataLoader(self._met, batch_sampler=batches, collate_fn=self._batch)
        return self.accelerator.prepare(loader)

    def agree(self, *wishes: bool) -> list[bool]:
        """What any of the processes wishes; all of them get the same answer. Counts their tokens too."""
        if self.args.world_size == 1:
            return list(wishes)
        mine = self.tokens_seen - self._tokens_reported
        shared = torch.tensor([*map(int, wishes), mine], device=self.accelerator.device)
        torch.distributed.all_reduce(shared)
        *counts, tokens = shared.tolist()
        self.tokens_seen = self._tokens_reported = self._tokens_reported + int(tokens)
        return [count > 0 for count in counts]

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """Seed dropout for this micro-batch, then forward and backward."""
        step, micro = self._seeded_for
        micro = micro + 1 if step == self.state.global_step else 0
        self._seeded_for = (self.state.global_step, micro)
        torch.manual_seed((self.args.seed * 1_000_003 + self.state.global_step) * 1_009 + micro)
        self.tokens_seen += inputs.pop("tokens")
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._demand_finite("loss", loss.item())
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """The norm, known before the weights change, so no checkpoint ever holds weights that are NaN."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        self._demand_finite("gradient's norm", float(norm))
        return norm

    def _demand_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise StageError(
                f"the {name} became {value} at step {self.state.global_step + 1}",
                next_command="narrowcast train --learning-rate NUMBER, a lower one, or --precision fp32",
                reason_code="training_diverged",
            )

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The objective's sum, divided by what it counts in the whole step."""
        loss = self._summed_loss(model, inputs) / (num_items_in_batch or _answers(inputs))
        if num_items_in_batch is not None:
            loss = loss * self.args.world_size  # counted over all processes, whose gradients are averaged
        return (loss, {}) if return_outputs else loss

    def dev_loss(self) -> float:
        """Mean loss over the dev rows, in nats per completion token or pair."""
        size = self.args.per_device_train_batch_size
        total, counted = self.loss_of(self._dev_rows, self._objective, batch_size=size)
        return total / counted

    def loss_of(
        self, rows: Sequence[TokenRow], objective: Objective, *, batch_size: int
    ) -> tuple[float, int]:
        """Loss summed over rows that nothing is learned from, and how many labels that were."""
        ordered = sorted(rows, key=lambda row: row.size)
        total, counted = 0.0, 0
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(ordered), batch_size):
                batch = self._prepare_inputs(objective.batch(ordered[start : start + batch_size], self._pad))
                logits = picked_logits(self.model, self._head, batch, bf16=self._bf16)
                total += objective.loss(logits, batch).item()
                counted += _answers(batch)
        self.model.train()
        return total, counted

    def evaluate(self, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """The dev loss, and the score where one is asked for, in the form callbacks expect."""
        metrics = {"eval_loss": self.dev_loss()}
        if self._dev_score is not None:
            metrics["eval_score"] = self._dev_score(self.accelerator.unwrap_model(self.model))
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _summed_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        return self._objective.loss(picked_logits(model, self._head, inputs, bf16=self._bf16), inputs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save, then mark as complete: a kill in between leaves nothing that resume would take."""
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.is_world_process_zero():
                mark_complete(self.args.output_dir, self.state.global_step, self._seal)
        except BaseException as error:
            folder = Path(self.args.output_dir)
            number = why_no_room(error, folder)  # before the torn checkpoint gives its room back
            if self.is_world_process_zero():
                drop_incomplete(folder)
            if number is not None:
                raise no_room(number, folder) from error
            raise


def _answers(inputs: dict[str, Any]) -> int:
    """What the loss of a batch is averaged over."""
    return int((inputs["labels"] != IGNORED).sum())
