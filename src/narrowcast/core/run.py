"""What a training run was: enough to repeat it, and what evaluation, export and the model card read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["linear", "encoder", "lora", "dora", "qlora", "full"]
ModelKind = Literal["linear", "encoder", "decoder"]
"""What a model is: a linear classifier, a fine-tuned sentence encoder, or a language model."""

NO_BASE = "none"
"""What the base of a run is called that began from no model."""
DEFAULT_BASE = "embedded"
"""The base where none is named."""
CLASSIFIERS = ("linear", "encoder")
"""Methods whose models choose among labels, or tag words; the others train language models."""


def run_title(method: str, base: str) -> str:
    """What a run is, for people: `full fine-tune of embedded`, `linear classifier on minilm`."""
    if method in CLASSIFIERS:
        return f"{method} classifier" + ("" if base == NO_BASE else f" on {base}")
    return f"{method} fine-tune of {base}"


# Of `narrowcast train`, with the values that need not be said: what decides which run comes of it. Base and
# method are said, because `narrowcast.yaml` may set others.
_DECISIVE: Mapping[str, Any] = {
    "method": None,
    "features": [],
    "classifier": "auto",
    "base": None,
    "recipe": "",
    "epochs": None,
    "learning_rate": None,
    "batch_size": 32,
    "rows": None,
    "seed": 0,
    "budget_minutes": None,
    "objective": "auto",
    "objective_options": {},
    "beta": 0.1,
    "loss_turns": "auto",
    "lora_rank": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "target_modules": [],
    "warmup_ratio": 0.05,
    "scheduler": "cosine",
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "micro_batch_size": None,
    "max_length": None,
    "layout": "auto",
    "layout_costs": None,
    "word_dropout": None,
    "precision": "auto",
    "gradient_checkpointing": False,
    "eval_every": None,
    "early_stopping": 0,
    "select_by": "auto",
    "select_rows": 200,
    "preflight": "strict",
    "probe_steps": 10,
}


def is_run_id(text: str) -> bool:
    """Whether a text can be the id of a run; no other one becomes a part of a path."""
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def train_options(options: Mapping[str, Any]) -> str:
    """The options of `narrowcast train` that decide a run; usual values are left out."""
    method, features, words = options.get("method"), options.get("features") or [], []
    # A classifier takes the default base of language models for no base.
    baseless = method == "linear" and features and "encoder" not in features
    baseless = baseless or (method in CLASSIFIERS and options.get("base") == DEFAULT_BASE)
    for name, usual in _DECISIVE.items():
        if name == "base" and baseless:
            continue
        value = options.get(name, usual)
        if value != usual:
            words.append(train_option(name, ",".join(value) if name == "features" else value))
    return " ".join(words)


def train_option(name: str, value: Any) -> str:
    """One option of `narrowcast train` as the command line takes it."""
    if isinstance(value, bool | list | dict | None):
        return f"--set {shlex.quote(f'{name}={json.dumps(value)}')}"
    return f"--{name.replace('_', '-')} {shlex.quote(str(value))}"


class BaseRecord(BaseModel):
    """The model a run began from."""

    name: str = Field(description="As it was asked for: embedded, a catalogue id, a Hub id or a path.")
    path: str = Field(description="The folder the weights were read from.")
    fingerprint: str = Field(description="SHA-256 over configuration, tokenizer and weights.")
    architecture: str
    parameters: int
    context_length: int
    licence: str = Field(default="", description="Of the base; empty where nobody says.")
    note: str = Field(default="", description="What differs from the original, in words.")


class RunManifest(BaseModel):
    """`run.json`, stored with the trained weights.

    Attributes:
        recipe: every option after defaults were filled in.
        rows: rows trained on, left out by reason, and in the dev split.
        tokens: per epoch: all tokens, and those that carried loss; empty for classifiers, which count none.
        losses: final training loss (mean of the last epoch), best and last dev loss; of a classifier in nats
            per row or, where words are tagged, per word, and none where it gives no probabilities.
        environment: versions of Python and the libraries, threads, device.
        selection: which evaluation's weights were kept (by, step, score), empty where the last step's.
        forecast: seconds and bytes that preflight expected, and the actual ones; empty where it made none.
        forgetting: bits per byte of general text before and after, and `rise`; empty where not read.
        drawn: of a quick run, which share of the train rows it saw, in words; empty where it saw all.
    """

    model_config = ConfigDict(extra="forbid")

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Run"] = "Run"
    run_id: str
    method: Method
    method_reason: str
    base: BaseRecord
    dataset_version: str
    recipe: dict[str, Any]
    seed: int
    rows: dict[str, int]
    tokens: dict[str, int]
    steps: int
    seconds: float
    tokens_per_second: float
    losses: dict[str, float]
    weights_dtype: str
    weights_sha256: str
    chat_template_sha256: str
    code_version: str
    environment: dict[str, str]
    started: str
    finished: str
    forecast: dict[str, float] = Field(default_factory=dict)
    forgetting: dict[str, float] = Field(default_factory=dict)
    selection: dict[str, Any] = Field(default_factory=dict)
    drawn: str = ""

    @property
    def how(self) -> str:
        """The method, and why it was chosen where no option named it."""
        return self.method if self._is_named else f"{self.method} ({self.method_reason})"

    @property
    def _is_named(self) -> bool:
        return self.method_reason in ("", "asked for")

    @property
    def is_classifier(self) -> bool:
        """It chooses among labels or tags words, and writes no text."""
        return self.method in CLASSIFIERS

    @property
    def train_options(self) -> str:
        """Options of `narrowcast train` for a model of the same method on the same base."""
        own: dict[str, Any] = {"base": self.base.name}
        if self.is_classifier or self._is_named:
            own["method"] = self.method
        if self.method == "linear":
            own |= {name: self.recipe[name] for name in ("features", "classifier")}
        return train_options(own)


class FinishedRun(BaseModel):
    """A line of `registry/runs.jsonl`: a finished run among the others."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    base: str
    """As it was asked for: embedded, a catalogue id, a Hub id or a path."""
    method: str
    dataset_version: str
    rows: int
    """Rows trained on."""
    steps: int
    """Optimizer steps."""
    final_train_loss: float | None
    """Mean of the last epoch, nats per token; of a classifier nats per row, None without probabilities."""
    dev_loss: float | None
    """Of the weights that were kept; None where there was no dev split."""
    seconds: float
    tokens_per_second: float
    weights_sha256: str
    finished: str
    """UTC, ISO 8601."""
    drawn: str = ""
    """Of a quick run, which share of the train rows it saw; "" where it saw all."""

    @classmethod
    def of(cls, manifest: RunManifest) -> FinishedRun:
        """The line of a run."""
        return cls(
            run_id=manifest.run_id,
            base=manifest.base.name,
            method=manifest.method,
            dataset_version=manifest.dataset_version,
            rows=manifest.rows["train"],
            steps=manifest.steps,
            final_train_loss=manifest.losses.get("final_train"),
            dev_loss=manifest.losses.get("dev"),
            seconds=manifest.seconds,
            tokens_per_second=manifest.tokens_per_second,
            weights_sha256=manifest.weights_sha256,
            finished=manifest.finished,
            drawn=manifest.drawn,
        )
