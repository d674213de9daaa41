"""Whether the machine has what the recipe needs: device, libraries, memory, disk."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import disk_usage

from narrowcast.core.stage import StageContext
from narrowcast.models.memory import available_bytes
from narrowcast.training.options import Options
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.recipes.recipe import holds_base_in_16_bit
from narrowcast.training.setup import TrainingSetup

_TRAINED = 16  # bytes a trained parameter: float32 weight, gradient and two moments
_IN_4_BIT = 0.65  # bytes a parameter of a base in nf4, its scales included
_ADAPTER = 0.05  # of the base's parameters, at most, for ranks up to 64
_CHECKPOINT = 12  # bytes a trained parameter: weight and two moments
_CHECKPOINTS = 3  # two are kept while the next is written


def device_findings(options: Options) -> Iterator[PreflightFinding]:
    """What QLoRA needs and this machine lacks."""
    if options.method != "qlora" or find_spec("torch") is None:
        return
    import torch

    if not torch.cuda.is_available():
        yield PreflightFinding(
            reason_code="training_device_missing",
            blocks=True,
            what="QLoRA needs a GPU, and this machine has none",
            where="method=qlora",
            fix="narrowcast train --recipe sft-lora",
        )
    if find_spec("bitsandbytes") is None:
        yield PreflightFinding(
            reason_code="training_device_missing",
            blocks=True,
            what="QLoRA needs bitsandbytes, which is not installed",
            where="method=qlora",
            fix="pip install 'narrowcast[qlora]'",
        )


def room_findings(setup: TrainingSetup, options: Options, ctx: StageContext) -> Iterator[PreflightFinding]:
    """Memory that weights and optimiser need at least, and disk for checkpoints."""
    need, free = least_memory(setup), available_bytes()
    if need > free:
        yield memory_finding(need, free, "weights, gradients and optimiser alone take")
    folder = _existing(ctx.project.runs)
    disk = disk_of_run(setup, options)
    if disk > (left := disk_usage(folder).free):
        yield PreflightFinding(
            reason_code="training_disk_short",
            blocks=True,
            what=f"checkpoints and weights may take {disk / 1e9:,.1f} GB; {left / 1e9:,.1f} GB are free",
            where=str(folder),
            fix="free some space, or take a smaller --base or --method lora",
        )


def memory_finding(need: int, free: int, subject: str) -> PreflightFinding:
    """Not enough memory; `need` and `free` in bytes."""
    return PreflightFinding(
        reason_code="training_memory_short",
        blocks=True,
        what=f"{subject} {need / 1e9:,.1f} GB of memory; {free / 1e9:,.1f} GB are free",
        where="this machine",
        fix="narrowcast train --micro-batch-size 4, --method lora or a smaller --base",
    )


def trained_parameters(setup: TrainingSetup) -> int:
    """Weights that are trained; of an adapter an upper bound."""
    share = 1.0 if setup.recipe.method == "full" else _ADAPTER
    return round(setup.base.parameters * share)


def disk_of_run(setup: TrainingSetup, options: Options) -> int:
    """Bytes that checkpoints and weights take at most."""
    return trained_parameters(setup) * (_CHECKPOINT * _CHECKPOINTS + 4 * (2 if options.early_stopping else 1))


def least_memory(setup: TrainingSetup) -> int:
    """Bytes that no batch size can save."""
    recipe, parameters = setup.recipe, setup.base.parameters
    if recipe.method == "full":
        return _TRAINED * trained_parameters(setup)
    if recipe.method == "qlora":
        return round(_IN_4_BIT * parameters)
    return parameters * (2 if holds_base_in_16_bit(recipe.method, recipe.precision, parameters) else 4)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
