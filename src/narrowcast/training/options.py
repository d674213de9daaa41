"""What can be chosen about a training run. None means: chosen from data, model and machine, and recorded.

Each class holds one subject, which is also a section of `narrowcast train --help`; the keys stay flat.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from narrowcast.core.stage import StageOptions
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.options import DpoOptions
from narrowcast.training.packing.costs import Costs
from narrowcast.training.recipes.named import with_recipe


class MethodOptions(StageOptions):
    """What is trained, and towards what."""

    panel: ClassVar[str] = "Base, method and objective"

    base: str = "embedded"
    """Base model: embedded, a catalogue id, a Hub id (owner/name) or a folder."""
    recipe: str = ""
    """Named recipe (`narrowcast recipes list`); options given beside it win."""
    method: Literal["auto", "lora", "dora", "qlora", "full"] = "auto"
    """Train an adapter or all weights; auto takes all weights below 100 M parameters."""
    objective: str = "auto"
    """Learn the answers (sft), prefer one of two (dpo), or a plug-in's; auto: dpo for preference pairs."""
    objective_options: dict[str, Any] = Field(default_factory=dict)
    """Options of a plug-in's objective; they may also be given as keys of their own."""
    loss_turns: Literal["auto", "last", "all"] = "auto"
    """Assistant turns of a conversation that are learned; auto takes all for chat, otherwise the last."""

    @field_validator("objective")
    @classmethod
    def _known_objective(cls, name: str) -> str:
        if name != "auto" and name not in OBJECTIVES:
            raise ValueError(f"no objective is called {name!r}; there are: auto, {', '.join(OBJECTIVES)}")
        return name


class AdapterOptions(StageOptions):
    """The adapter, where one is trained."""

    panel: ClassVar[str] = "Adapter"

    lora_rank: int | None = Field(16, ge=1)
    """Rank of the adapter; null in a recipe takes it from task and rows."""
    lora_alpha: int | None = Field(32, ge=1)
    """Scale of the adapter, whose product is multiplied by alpha / rank; null is twice the rank."""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    target_modules: list[str] = Field(default_factory=list)
    """Linear layers that get an adapter; default the catalogue's for this architecture."""


class ScheduleOptions(StageOptions):
    """Optimizer and schedule."""

    panel: ClassVar[str] = "Optimizer and schedule"

    epochs: int | None = Field(None, ge=1, le=1000)
    """Passes over the training rows."""
    learning_rate: float | None = Field(None, gt=0, lt=1)
    """Peak learning rate."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the learning rate falls after warm-up."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(1.0, ge=0)
    """Gradients are scaled down to this norm; 0 leaves them."""
    seed: int = Field(0, ge=0)
    """Seed of the order of rows and of dropout."""


class BatchOptions(StageOptions):
    """Rows, batches and arithmetic."""

    panel: ClassVar[str] = "Rows and batches"

    batch_size: int = Field(32, ge=1)
    """Examples per optimizer step."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Examples per forward pass; a smaller number takes less memory and gives the same result."""
    max_length: int | None = Field(None, ge=8)
    """Longest row in tokens; default the base's context. Longer rows are left out and counted."""
    layout: Literal["auto", "padded", "tree"] = "auto"
    """Rows of a batch side by side, or packed so that shared beginnings are computed once; same gradients."""
    layout_costs: Costs | None = None
    """Seconds by which each batch's layout is chosen; measured by default, given to repeat a run."""
    word_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of an input's tokens dropped or replaced, anew in each epoch; default by task and base."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic of matrix products; auto takes bf16 where the machine has it in hardware."""
    gradient_checkpointing: bool = False
    """Recompute activations: less memory, about a third slower."""


class SelectionOptions(StageOptions):
    """Evaluation on dev rows, and which weights are kept."""

    panel: ClassVar[str] = "Dev evaluation and selection"

    eval_every: int | None = Field(None, ge=1)
    """Steps between dev evaluations; default once per epoch."""
    early_stopping: int = Field(0, ge=0)
    """Stop after this many dev evaluations without a new best, and keep the best weights; 0 is off."""
    select_by: Literal["auto", "last", "loss", "metric"] = "auto"
    """Weights to keep: the last, or the best by dev loss or task metric; auto: last, or as early stopping."""
    select_rows: int = Field(200, ge=1)
    """Dev rows that are answered at each evaluation where the task metric selects."""

    @model_validator(mode="after")
    def _stopping_needs_a_best(self) -> SelectionOptions:
        if self.early_stopping and self.select_by == "last":
            raise ValueError("early_stopping keeps the best weights, which select_by=last contradicts")
        return self


class CheckpointOptions(StageOptions):
    """Checkpoints and limits."""

    panel: ClassVar[str] = "Checkpoints and limits"

    checkpoint_every: int | None = Field(None, ge=1)
    """Steps between checkpoints; default by time alone."""
    checkpoint_minutes: float = Field(2.0, gt=0)
    """Minutes between checkpoints."""
    time_limit_minutes: float | None = Field(None, gt=0)
    """Stop with a checkpoint after this many minutes."""
    oom_retries: int = Field(0, ge=0, le=10)
    """Times a run out of memory continues with half the micro-batch; examples per step stay."""


class PreflightOptions(StageOptions):
    """What is looked at before and after the run."""

    panel: ClassVar[str] = "Preflight and checks"

    preflight: Literal["strict", "fail-open", "off"] = "strict"
    """Whether problems found beforehand stop the run, are only reported, or are not looked for."""
    probe_steps: int = Field(10, ge=0, le=100)
    """Steps tried beforehand to forecast time and memory, in runs ten times as long; 0 tries none."""
    forgetting_check: bool = True
    """Read general text before and after, and warn where the model forgot much of it."""


class TrackingOptions(StageOptions):
    """Where else figures go."""

    panel: ClassVar[str] = "Tracking"

    track: list[str] = Field(default_factory=list)
    """Trackers beside the trace: mlflow, wandb or a plug-in."""


_CHANGE_NO_WEIGHT = {"oom_retries", "forgetting_check", "track"}


# Fields are ordered from the last base to the first.
class Options(
    TrackingOptions,
    PreflightOptions,
    CheckpointOptions,
    SelectionOptions,
    BatchOptions,
    ScheduleOptions,
    AdapterOptions,
    DpoOptions,
    MethodOptions,
):
    """Fine-tuning."""

    def identity(self) -> dict[str, Any]:
        """Without what changes no weight, so that it may be given or left out on `--resume`."""
        empty = set() if self.objective_options else {"objective_options"}
        return self.model_dump(mode="json", exclude=_CHANGE_NO_WEIGHT | empty)

    @model_validator(mode="before")
    @classmethod
    def _fill_in_recipe(cls, given: Any) -> Any:
        return _with_objective(with_recipe(given)) if isinstance(given, dict) else given


def _with_objective(given: dict[str, Any]) -> dict[str, Any]:
    """Options of a plug-in's objective, given as keys of their own, put under `objective_options`."""
    name, unknown = str(given.get("objective", "")), given.keys() - Options.model_fields.keys()
    if not unknown or name not in OBJECTIVES:
        return given
    own = unknown & OBJECTIVES.get(name).options.model_fields.keys()
    rest = {key: value for key, value in given.items() if key not in own}
    collected = {**given.get("objective_options", {}), **{key: given[key] for key in own}}
    return {**rest, "objective_options": collected}
