"""What can be chosen about a training run. None means: chosen from data, model and machine, and recorded."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from narrowcast.core.stage import StageOptions
from narrowcast.training.packing.costs import Costs
from narrowcast.training.recipes.named import with_recipe


class Options(StageOptions):
    """Fine-tuning."""

    base: str = "embedded"
    """Base model: embedded, a catalogue id, a Hub id (owner/name) or a folder."""
    recipe: str = ""
    """Named recipe (`narrowcast recipes list`); options given beside it win."""
    method: Literal["auto", "lora", "dora", "qlora", "full"] = "auto"
    """Train an adapter or all weights; auto takes all weights below 100 M parameters."""
    objective: Literal["auto", "sft", "dpo"] = "auto"
    """Learn the answers (sft) or to prefer one of two (dpo); auto takes dpo for preference pairs."""
    beta: float = Field(0.1, gt=0)
    """How strongly dpo moves the model away from its start."""
    epochs: int | None = Field(None, ge=1, le=1000)
    """Passes over the training rows."""
    learning_rate: float | None = Field(None, gt=0, lt=1)
    """Peak learning rate."""
    batch_size: int = Field(32, ge=1)
    """Examples per step."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Examples computed at once; smaller takes less memory and gives the same result."""
    layout: Literal["auto", "padded", "tree"] = "auto"
    """Rows of a batch side by side, or packed so that shared beginnings are computed once; same gradients."""
    layout_costs: Costs | None = None
    """Seconds by which each batch's layout is chosen, measured where left out; given to repeat a run."""
    word_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of an input's tokens lost anew in every epoch; default by task and base."""
    max_length: int | None = Field(None, ge=8)
    """Longest row in tokens; default the base's context. Longer rows are left out and counted."""
    lora_rank: int | None = Field(16, ge=1)
    """Rank of the adapter; null in a recipe takes it from task and rows."""
    lora_alpha: int | None = Field(32, ge=1)
    """Scale of the adapter, whose product is multiplied by alpha / rank; null is twice the rank."""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    target_modules: list[str] = Field(default_factory=list)
    """Linear layers that get an adapter; default the catalogue's for this architecture."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the learning rate falls after warm-up."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(1.0, ge=0)
    """Gradients are scaled down to this norm; 0 leaves them."""
    seed: int = Field(0, ge=0)
    """Of the order of rows and of dropout."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic of matrix products; auto takes bf16 where the machine has it in hardware."""
    gradient_checkpointing: bool = False
    """Recompute activations: less memory, about a third slower."""
    eval_every: int | None = Field(None, ge=1)
    """Updates between dev losses; default once per epoch."""
    early_stopping: int = Field(0, ge=0)
    """Stop after this many dev evaluations without a new best, and keep the best weights; 0 is off."""
    select_by: Literal["auto", "last", "loss", "metric"] = "auto"
    """Weights to keep: the last, or the best by dev loss or task metric; auto: last, or as early stopping."""
    select_rows: int = Field(200, ge=1)
    """Dev rows that are answered at each evaluation where the task metric selects."""
    checkpoint_every: int | None = Field(None, ge=1)
    """Updates between checkpoints; default by time alone."""
    checkpoint_minutes: float = Field(2.0, gt=0)
    """Minutes between checkpoints."""
    time_limit_minutes: float | None = Field(None, gt=0)
    """Stop with a checkpoint after this long."""
    oom_retries: int = Field(0, ge=0, le=10)
    """Times a run out of memory goes on with half the micro-batch; examples per step stay."""
    forgetting_check: bool = True
    """Read general text before and after, and warn where the model forgot much of it."""
    track: list[str] = Field(default_factory=list)
    """Trackers beside the trace: mlflow, wandb or a plug-in."""
    preflight: Literal["strict", "fail-open", "off"] = "strict"
    """Whether problems found beforehand stop the run, are only reported, or are not looked for."""
    probe_steps: int = Field(10, ge=0, le=100)
    """Updates tried beforehand to forecast time and memory, in runs ten times as long; 0 tries none."""

    @model_validator(mode="after")
    def _stopping_needs_a_best(self) -> Options:
        if self.early_stopping and self.select_by == "last":
            raise ValueError("early_stopping keeps the best weights, which select_by=last contradicts")
        return self

    def identity(self) -> dict[str, Any]:
        """Without what changes no weight, so that it may be given or left out on `--resume`."""
        return self.model_dump(mode="json", exclude={"oom_retries", "forgetting_check", "track"})

    @model_validator(mode="before")
    @classmethod
    def _fill_in_recipe(cls, given: Any) -> Any:
        return with_recipe(given) if isinstance(given, dict) else given
