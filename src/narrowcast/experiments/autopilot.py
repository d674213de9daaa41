"""Base, recipe and schedule from data and machine, each with its reason; what the user gave always wins.

It looks at the embedded base and every catalogue entry on this machine; nothing is downloaded.
The largest that suits the task, fits into memory and can be trained within the budget is taken. Its time is
estimated from the products this machine does in a second, measured on the spot; preflight measures better.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.run import CLASSIFIERS
from narrowcast.errors import ModelError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.models.catalogue import CatalogueEntry, catalogue
from narrowcast.models.embedded import EMBEDDED_NAME
from narrowcast.pipeline.project import Project
from narrowcast.plugins.optional import require
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.tasks import family_of, handler_for, has_labels
from narrowcast.training.options import DEFAULT_BUDGET_MINUTES

_FULL_BELOW_M = 100.0
_EFFICIENCY = (
    0.2  # of the products that a large matrix product reaches; what training reached at 15 M parameters
)
_CHARACTERS = 4  # a token
_SAMPLE = 200  # rows that are rendered to learn their length
_FEW_ROWS = 320  # ten steps of 32 rows
_EPOCHS = 3  # assumed while bases are compared


class ConsideredBase(BaseModel):
    """One base that was looked at, and why it was or was not taken."""

    base: str
    method: str
    minutes: float
    memory_gb: float
    verdict: str


class Choice(BaseModel):
    """What the autopilot fills in."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    options: dict[str, Any] = Field(default_factory=dict)
    """Training options; those that the user gave are not among them."""
    reasons: dict[str, str] = Field(default_factory=dict)
    """Option to the reason for its value."""
    bases: list[ConsideredBase] = Field(default_factory=list)
    """The bases that were looked at."""


def choose(project: Project, given: dict[str, Any] | None = None) -> Choice:
    """Choose what `given` and `narrowcast.yaml` leave open.

    Raises:
        DataError: if nothing was prepared.
        MissingExtraError: without the train extra.
    """
    require("torch", "transformers", purpose="training")
    fixed = {**project.config.stage_options("train"), **(given or {})}
    if fixed.get("method") in CLASSIFIERS:
        return Choice()  # it leaves nothing open that is chosen here
    manifest = load_manifest(project.paths)
    rows = manifest.splits[Split.TRAIN].rows
    tokens = tokens_of_rows(project, manifest, rows)
    gpu, memory_gb, per_second = machine()
    minutes = float(fixed.get("budget_minutes") or fixed.get("time_limit_minutes") or DEFAULT_BUDGET_MINUTES)
    considered, entries = [], [each for each in catalogue().models if _is_here(each)]
    taken = entries[0]
    for entry in sorted(entries, key=lambda each: each.parameters_m):
        judged = _judge(
            entry, manifest, tokens, gpu=gpu, memory_gb=memory_gb, per_second=per_second, budget=minutes
        )
        considered.append(judged)
        if judged.verdict == "fits":
            taken = entry
    choice = Choice(bases=considered)
    base = str(fixed.get("base", taken.id))
    choice.options["base"] = taken.id
    choice.reasons["base"] = (
        f"the largest of {len(entries)} on this machine that suits the task, "
        f"fits {memory_gb:,.0f} GB and {minutes:,.0f} minutes"
    )
    _recipe(choice, taken if base == taken.id else None, gpu=gpu)
    _schedule(choice, manifest, rows)
    for name in fixed:
        choice.options.pop(name, None)
        choice.reasons.pop(name, None)
    if "method" in fixed:  # a recipe could contradict it
        choice.options.pop("recipe", None)
        choice.reasons.pop("recipe", None)
    return choice


def with_choice(project: Project, request: TrainRequest) -> TrainRequest:
    """The request with what the autopilot chooses, where it asks for that; an event keeps the reasons."""
    if not request.autopilot:
        return request
    choice = choose(project, request.options)
    if not project.settings.process:  # of several processes that train together, the first one records
        message = ", ".join(f"{name} {value}" for name, value in choice.options.items()) or "nothing was open"
        payload = choice.model_dump(mode="json")
        project.trail.emit(StageName.TRAINING, "training_autopilot", message, payload=payload)
    given = {**choice.options, **request.options}
    return request.model_copy(update={"options": given, "autopilot": False})


def _judge(
    entry: CatalogueEntry,
    manifest: DatasetManifest,
    tokens: float,
    *,
    gpu: bool,
    memory_gb: float,
    per_second: float,
    budget: float,
) -> ConsideredBase:
    method = _method_of(entry, gpu=gpu)
    seconds = 60 * forecast_minutes(entry.parameters_m * 1e6, tokens, per_second, method)
    need = entry.memory_gb[method]
    if family_of(manifest.task.profile) not in entry.suggested_tasks and entry.id != EMBEDDED_NAME:
        verdict = f"not suggested for {manifest.task.profile}"
    elif need > memory_gb:
        verdict = "too large for the memory"
    elif seconds > 60 * budget and entry.id != EMBEDDED_NAME:
        verdict = "too slow for the budget"
    else:
        verdict = "fits"
    return ConsideredBase(
        base=entry.id, method=method, minutes=round(seconds / 60, 1), memory_gb=need, verdict=verdict
    )


def bases_here(manifest: DatasetManifest) -> dict[str, CatalogueEntry]:
    """Bases on this machine that suit the task, by their ids."""
    family = family_of(manifest.task.profile)
    return {
        each.id: each
        for each in catalogue().models
        if (family in each.suggested_tasks or each.id == EMBEDDED_NAME) and _is_here(each)
    }


def suited_bases(
    manifest: DatasetManifest, *, gpu: bool, memory_gb: float
) -> list[tuple[CatalogueEntry, str]]:
    """Those of them that fit into memory, with the method they are trained by."""
    bases = [(each, _method_of(each, gpu=gpu)) for each in bases_here(manifest).values()]
    return [(each, method) for each, method in bases if each.memory_gb[method] <= memory_gb]


def forecast_minutes(
    parameters: float, tokens: float, per_second: float, method: str, epochs: int = _EPOCHS
) -> float:
    """Minutes that training takes, from the operations this machine does in a second.

    Args:
        parameters: of the model.
        tokens: of all rows, once.
        per_second: operations of a large product.
        method: `full`, an adapter's, or `frozen` for one pass without training.
        epochs: of training.
    """
    # Products a token and parameter; a frozen base needs no weight gradient.
    passes = {"full": 6 * epochs, "frozen": 2}.get(method, 4 * epochs)
    return passes * parameters * tokens / (per_second * _EFFICIENCY) / 60


def _method_of(entry: CatalogueEntry, *, gpu: bool) -> str:
    return "full" if entry.parameters_m < _FULL_BELOW_M else "qlora" if gpu else "lora"


def _recipe(choice: Choice, entry: CatalogueEntry | None, *, gpu: bool) -> None:
    if entry is None:
        return  # a base the user named: the measured defaults follow its size
    if entry.parameters_m < _FULL_BELOW_M:
        choice.options["recipe"], why = "full", f"{entry.parameters_m:,.0f} M parameters, below 100 M"
    elif gpu:
        choice.options["recipe"], why = "qlora-nf4", "a GPU, and 100 M parameters or more"
    else:
        choice.options["recipe"], why = "sft-lora", "no GPU, and 100 M parameters or more"
    choice.reasons["recipe"] = why


def _schedule(choice: Choice, manifest: DatasetManifest, rows: int) -> None:
    if rows < _FEW_ROWS:
        choice.options["batch_size"] = 8
        choice.reasons["batch_size"] = f"{rows:,} rows would be few steps of 32"
    dev = manifest.splits.get(Split.DEV)
    if dev is not None and dev.rows and not has_labels(manifest.task):
        choice.options["early_stopping"] = 3
        choice.reasons["early_stopping"] = "a generating task, whose dev loss decides when to stop"


def tokens_of_rows(project: Project, manifest: DatasetManifest, rows: int) -> float:
    """The tokens of a number of train rows, about."""
    handler = handler_for(manifest.task)
    sample = list(islice(read_split(project.paths, manifest, Split.TRAIN), _SAMPLE))
    texts = [handler.to_messages(row.inputs, row.target) for row in sample]
    characters = sum(len(message.content) for messages in texts for message in messages)
    return rows * characters / max(1, len(sample)) / _CHARACTERS


def _is_here(entry: CatalogueEntry) -> bool:
    from narrowcast.models.embedded import embedded_base
    from narrowcast.models.hub import cached_snapshot

    if entry.hub_id is not None:
        return cached_snapshot(entry.hub_id) is not None
    try:
        embedded_base()
    except ModelError:
        return False
    return True


def machine() -> tuple[bool, float, float]:
    """Whether there is a GPU, free memory in GB, and operations a second of a large product."""
    import torch

    from narrowcast.models.arithmetic import best_precision
    from narrowcast.models.memory import available_bytes

    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if best_precision()[0] == "bf16" else torch.float32
    size, rounds = (4096, 10) if gpu else (1024, 5)
    left = torch.ones(size, size, dtype=dtype, device="cuda" if gpu else "cpu")
    (left @ left).sum().item()
    began = time.perf_counter()
    for _ in range(rounds):
        (left @ left).sum().item()
    spent = time.perf_counter() - began
    return gpu, available_bytes() / 1e9, 2 * size**3 * rounds / spent
