"""What can be chosen about a training run. None means: chosen from data, model and machine, and recorded.

Each class holds one subject; the keys stay flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic.fields import FieldInfo

from narrowcast.core.run import CLASSIFIERS
from narrowcast.core.stage import StageOptions
from narrowcast.models.classifiers.recipe import Feature
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.options import DpoOptions
from narrowcast.training.packing.costs import Costs
from narrowcast.training.recipes.named import with_recipe

DEFAULT_BUDGET_MINUTES = 60.0


class MethodOptions(StageOptions):
    """What is trained, and towards what."""

    base: str = "embedded"
    """Base model: embedded, a catalogue id, a Hub id (owner/name) or a folder."""
    recipe: str = ""
    """Named recipe (see `narrowcast recipes list`); explicit options take precedence."""
    method: Literal["auto", "linear", "encoder", "lora", "dora", "qlora", "full"] = "auto"
    """Fit a linear classifier, fine-tune a sentence encoder, or train an adapter or all weights of a language
    model; auto trains all weights of bases below 100 M parameters, an adapter of others."""
    objective: str = "auto"
    """Training objective: sft, dpo or a plug-in's; auto takes dpo for preference pairs, otherwise sft."""
    objective_options: dict[str, Any] = Field(default_factory=dict)
    """Options of a plug-in's objective; they may also be given as keys of their own."""
    loss_turns: Literal["auto", "last", "all"] = "auto"
    """Assistant turns of a conversation that carry loss; auto takes all for chat, otherwise the last."""

    @field_validator("objective")
    @classmethod
    def _known_objective(cls, name: str) -> str:
        if name != "auto" and name not in OBJECTIVES:
            raise ValueError(f"no objective is called {name!r}; there are: auto, {', '.join(OBJECTIVES)}")
        return name


class ClassifierOptions(StageOptions):
    """A linear classifier, where one is trained."""

    features: list[Feature] = Field(default_factory=list)
    """With --method linear, what it sees of a text: words, characters, encoder (vectors of --base, by default
    of minilm). By default all, without the encoder where it is not on this machine."""
    classifier: Literal["auto", "logistic", "svm"] = "auto"
    """With --method linear: logistic regression or a support-vector machine; auto takes the first for vectors
    alone."""

    @field_validator("features", mode="before")
    @classmethod
    def _as_on_the_command_line(cls, given: Any) -> Any:
        return [each.strip() for each in given.split(",")] if isinstance(given, str) else given

    @field_validator("features")
    @classmethod
    def _each_once(cls, features: list[Feature]) -> list[Feature]:
        if len(set(features)) < len(features):
            raise ValueError("a feature is named twice")
        return features


class AdapterOptions(StageOptions):
    """The adapter, where one is trained."""

    lora_rank: int | None = Field(16, ge=1)
    """Rank of the adapter; null in a recipe derives it from the task and its rows."""
    lora_alpha: int | None = Field(32, ge=1)
    """Alpha of the adapter: its output is scaled by alpha / rank; null is twice the rank."""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    target_modules: list[str] = Field(default_factory=list)
    """Linear layers with an adapter; by default those of the catalogue."""


class ScheduleOptions(StageOptions):
    """Optimizer and schedule."""

    epochs: int | None = Field(None, ge=1, le=1000)
    """Passes over the train rows. By default set from their number."""
    budget_minutes: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Minutes that training may take by its forecast: what would take longer gets fewer epochs, at least
    one. By default 60 where epochs are not given."""
    learning_rate: float | None = Field(None, gt=0, lt=1)
    """Peak learning rate; by default chosen by base and method."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the optimizer steps with a rising learning rate."""
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """Learning-rate schedule after warm-up."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW."""
    max_grad_norm: float = Field(1.0, ge=0)
    """Maximum gradient norm; 0 turns clipping off."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the row order and of dropout."""


class BatchOptions(StageOptions):
    """Rows, batches and arithmetic."""

    rows: int | None = Field(None, ge=1)
    """Quick run: train on N rows drawn at random with the seed; what comes of it says so. By default all."""
    batch_size: int = Field(32, ge=1)
    """Examples per optimizer step."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Examples per forward pass; fewer take less memory. By default set from the length of the rows."""
    max_length: int | None = Field(None, ge=8)
    """Maximum length of a row in tokens; longer rows are rejected. By default the context length."""
    layout: Literal["auto", "padded", "tree"] = "auto"
    """Layout of a batch: padded rows, or a tree that computes shared prefixes once; same gradients."""
    layout_costs: Costs | None = None
    """Measured costs by which the layout of each batch is chosen; given to repeat a run."""
    word_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of input tokens dropped or replaced, redrawn in each epoch. By default set from task and base."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of matrix products; auto takes bf16 where the hardware supports it."""
    gradient_checkpointing: bool = False
    """Recompute activations: less memory, about a third slower."""


class SelectionOptions(StageOptions):
    """Evaluation on dev rows, and which weights are kept."""

    eval_every: int | None = Field(None, ge=1)
    """Optimizer steps between dev evaluations; by default one evaluation per epoch."""
    early_stopping: int = Field(0, ge=0)
    """Stop after N dev evaluations without improvement, and keep the best weights; 0 is off."""
    select_by: Literal["auto", "last", "loss", "metric"] = "auto"
    """Weights to keep: the last, or the best by dev loss or by task metric; auto keeps the last unless early
    stopping is on."""
    select_rows: int = Field(200, ge=1)
    """Dev rows answered per evaluation when weights are selected by the task metric."""

    @model_validator(mode="after")
    def _stopping_needs_a_best(self) -> SelectionOptions:
        if self.early_stopping and self.select_by == "last":
            raise ValueError("early_stopping keeps the best weights, which select_by=last contradicts")
        return self


class CheckpointOptions(StageOptions):
    """Checkpoints and limits."""

    checkpoint_every: int | None = Field(None, ge=1)
    """Optimizer steps between checkpoints; by default only the time counts."""
    checkpoint_minutes: float = Field(2.0, gt=0)
    """Minutes between checkpoints."""
    time_limit_minutes: float | None = Field(None, gt=0)
    """Stop with a checkpoint after N minutes."""
    oom_retries: int = Field(0, ge=0, le=10)
    """Retries of a run that is out of memory, each with half the micro-batch size and the same batch size."""


class PreflightOptions(StageOptions):
    """Checks before and after the run."""

    preflight: Literal["strict", "fail-open", "off"] = "strict"
    """Stop on a preflight problem (strict), only report it (fail-open), or check only baselines (off)."""
    probe_steps: int = Field(10, ge=0, le=100)
    """Steps that are timed to forecast time and memory, in runs at least ten times as long; 0 is off."""
    forgetting_check: bool = True
    """Measure the loss on general text before and after training, and warn of forgetting."""


class TrackingOptions(StageOptions):
    """Experiment trackers."""

    track: list[str] = Field(default_factory=list)
    """Experiment trackers: mlflow, wandb or a plug-in's."""


_CHANGE_NO_WEIGHT = {"oom_retries", "forgetting_check", "track"}
# Options of classifiers; all others are of language models.
_OF_LINEAR = {"method", "base", "seed", "rows", "preflight", *ClassifierOptions.model_fields}
_OF_ENCODER = {
    *("method", "base", "seed", "rows", "preflight"),
    *("epochs", "learning_rate", "warmup_ratio", "weight_decay", "max_grad_norm", "batch_size"),
}
# Nor do these. In a run's id they stand with their defaults, so that ids of earlier versions hold.
_WHEN_TO_STOP = ("checkpoint_every", "checkpoint_minutes", "time_limit_minutes")


# Fields are ordered from the last base to the first.
class Options(
    TrackingOptions,
    PreflightOptions,
    CheckpointOptions,
    SelectionOptions,
    BatchOptions,
    ScheduleOptions,
    AdapterOptions,
    ClassifierOptions,
    DpoOptions,
    MethodOptions,
):
    """Fine-tuning."""

    def identity(self) -> dict[str, Any]:
        """Without what changes no weight, so that it may be given or left out on `--resume`."""
        empty = set() if self.objective_options else {"objective_options"}
        # Runs of earlier versions keep their ids.
        empty |= {
            name
            for name in ("rows", "budget_minutes", *ClassifierOptions.model_fields)
            if name not in self.chosen
        }
        defaults = {name: type(self).model_fields[name].default for name in _WHEN_TO_STOP}
        return self.model_dump(mode="json", exclude=_CHANGE_NO_WEIGHT | empty) | defaults

    @property
    def is_classifier(self) -> bool:
        """What is trained chooses among labels or tags words, and writes no text."""
        return self.method in CLASSIFIERS

    @property
    def chosen(self) -> set[str]:
        """Options that differ from their defaults."""
        defaults = {name: each.get_default(call_default_factory=True) for name, each in _fields().items()}
        return {name for name, default in defaults.items() if getattr(self, name) != default}

    @classmethod
    def combined(cls, configured: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Without what the file says for another method than the request names, its base included."""
        from narrowcast.models.encoders.resolve import names_encoder

        method, usual = given.get("method"), configured.get("method", "auto")
        if method in (None, usual):
            return super().combined(configured, given)
        unused = unused_by(method, configured)
        if (method in CLASSIFIERS) != (usual in CLASSIFIERS):
            unused = unused | {"recipe"}
            if method not in CLASSIFIERS or not names_encoder(str(configured.get("base", ""))):
                unused = unused | {"base"}
        kept = {name: value for name, value in configured.items() if name not in unused}
        return super().combined(kept, given)

    @model_validator(mode="after")
    def _suits_the_method(self) -> Options:
        unused = unused_by(self.method, self.chosen)
        if unused:
            names = ", ".join(sorted(unused))
            raise ValueError(f"the method {self.method} has no use for {names}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in_recipe(cls, given: Any) -> Any:
        return _with_objective(with_recipe(given)) if isinstance(given, dict) else given


def unused_by(method: str, names: Iterable[str]) -> set[str]:
    """Which of some options a method has no use for."""
    suited = {"linear": _OF_LINEAR, "encoder": _OF_ENCODER}.get(method)
    return set(names) & set(ClassifierOptions.model_fields) if suited is None else set(names) - suited


def _fields() -> dict[str, FieldInfo]:
    return Options.model_fields


def _with_objective(given: dict[str, Any]) -> dict[str, Any]:
    """Options of a plug-in's objective, given as keys of their own, put under `objective_options`."""
    name, unknown = str(given.get("objective", "")), given.keys() - Options.model_fields.keys()
    if not unknown or name not in OBJECTIVES:
        return given
    own = unknown & OBJECTIVES.get(name).options.model_fields.keys()
    rest = {key: value for key, value in given.items() if key not in own}
    collected = {**given.get("objective_options", {}), **{key: given[key] for key in own}}
    return {**rest, "objective_options": collected}
