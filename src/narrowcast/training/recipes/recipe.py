"""The recipe: every option filled in, with the reasons."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Literal

from pydantic import BaseModel

from narrowcast.core.names import AnswerKind
from narrowcast.core.task import TaskSpec
from narrowcast.models.arithmetic import best_precision
from narrowcast.models.catalogue import target_modules_of
from narrowcast.models.loading import ResolvedBase
from narrowcast.tasks import handler_for
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.choose import objective_name
from narrowcast.training.options import Options
from narrowcast.training.packing.costs import Costs
from narrowcast.training.recipes.rank import rank_for
from narrowcast.training.recipes.sizes import rates_for

FULL_BELOW = 100_000_000  # parameters
MICRO_BATCH_TOKENS = 8192  # a micro-batch of the longest rows; about 2 GB of activations at 17 M parameters
_WORD_DROPOUT = 0.12  # banking77, 15 M parameters: macro-F1 on dev rows 0.904 with it, 0.884 without
_EPOCHS, _FEWEST_STEPS, _MOST_STEPS, _MOST_EPOCHS = 5, 400, 2500, 40


Method = Literal["lora", "dora", "qlora", "full"]


def holds_base_in_16_bit(method: str, precision: str, parameters: int) -> bool:
    """Whether an adapter's frozen base is held in 16 bits; without bf16 arithmetic it is float32."""
    return method != "full" and parameters >= FULL_BELOW and precision == "bf16"


class Recipe(BaseModel):
    """What is done, after defaults were filled in.

    Attributes:
        reasons: option name to why it has its value.
        accumulation: micro-batches per step.
        layout_costs: where known, each batch takes the layout that is fastest by them.
    """

    method: Method
    objective: str = "sft"
    loss_turns: Literal["last", "all"] = "last"
    epochs: int
    learning_rate: float
    word_dropout: float = 0.0
    batch_size: int
    micro_batch_size: int
    layout: Literal["padded", "tree"] = "padded"
    layout_costs: Costs | None = None
    max_length: int
    lora_rank: int
    lora_alpha: int
    target_modules: list[str]
    precision: Literal["bf16", "fp32"]
    select_by: Literal["last", "loss", "metric"] = "last"
    reasons: dict[str, str]

    @property
    def accumulation(self) -> int:
        """Micro-batches per step."""
        return math.ceil(self.batch_size / self.micro_batch_size)

    def steps(self, rows: int) -> int:
        """Optimiser steps for a number of rows."""
        return math.ceil(rows / self.batch_size) * self.epochs


def choose_recipe(options: Options, base: ResolvedBase, task: TaskSpec, rows: int, longest: int) -> Recipe:
    """Fill in what the options leave open.

    Args:
        options: as given.
        base: the model to start from.
        task: what is learned; decides the rank where that is left open.
        rows: training rows.
        longest: tokens of the longest row that fits.
    """
    reasons: dict[str, str] = {}
    method = _method(options, base.parameters, reasons)
    objective = objective_name(options, task)
    rank = options.lora_rank
    if rank is None:
        rank, reasons["lora_rank"] = rank_for(task, rows)
    epochs = options.epochs
    if epochs is None:
        epochs = default_epochs(rows, options.batch_size)
        reasons["epochs"] = f"{rows:,} rows"
    rate = options.learning_rate
    if rate is None:
        near = rates_for(base.parameters)
        rate = near.rate(method)
        reasons["learning_rate"] = f"{method}, {_millions(base.parameters)}: {near.source}"
        factor = OBJECTIVES.get(objective).rate
        if factor != 1:
            rate *= factor
            reasons["learning_rate"] += f", times {factor} for {objective}"
    dropped = options.word_dropout
    if dropped is None:
        dropped, why = _word_dropout(task, method, base.parameters)
        reasons["word_dropout"] = why
    micro = options.micro_batch_size
    if micro is None:
        micro = _even_share(options.batch_size, max(1, MICRO_BATCH_TOKENS // max(1, longest)))
        reasons["micro_batch_size"] = (
            f"longest row {longest} tokens, about {MICRO_BATCH_TOKENS} per micro-batch"
        )
    precision, why = _precision(options.precision)
    reasons["precision"] = why
    return Recipe(
        method=method,
        objective=objective,
        loss_turns=learned_turns(options, task),
        epochs=epochs,
        learning_rate=rate,
        layout_costs=options.layout_costs,
        word_dropout=dropped,
        batch_size=options.batch_size,
        micro_batch_size=min(micro, options.batch_size),
        max_length=max_length(options, base),
        lora_rank=rank,
        lora_alpha=options.lora_alpha or 2 * rank,
        target_modules=options.target_modules or target_modules_of(base.architecture),
        precision=precision,
        reasons=reasons,
    )


def learned_turns(options: Options, task: TaskSpec) -> Literal["last", "all"]:
    """Which of the assistant's turns carry loss.

    The task's handler says so: in a chat each turn of the assistant is an answer as good as the last; what a
    tool-calling assistant said before need not have the form that its handler asks for. Of preference pairs
    the answers alone differ.
    """
    if OBJECTIVES.get(objective_name(options, task)).pairs:
        return "last"
    if options.loss_turns != "auto":
        return options.loss_turns
    return handler_for(task).learned_turns


def max_length(options: Options, base: ResolvedBase) -> int:
    """Longest row in tokens: the option, never more than the base's context."""
    return min(options.max_length or base.context_length, base.context_length)


def _method(options: Options, parameters: int, reasons: dict[str, str]) -> Method:
    """All weights of a small base; an adapter on a large one, in 4 bit on a GPU with bitsandbytes."""
    if options.method == "linear" or options.method == "encoder":
        raise ValueError("a classifier has no recipe of a language model")
    if options.method != "auto":
        return options.method
    size = _millions(parameters)
    if parameters < FULL_BELOW:
        reasons["method"] = f"{size}, below {FULL_BELOW / 1e6:.0f} M"
        return "full"
    import torch

    reasons["method"] = f"{size}, not below {FULL_BELOW / 1e6:.0f} M"
    if not torch.cuda.is_available():
        return "lora"
    quantised = find_spec("bitsandbytes") is not None
    reasons["method"] += f"; on a GPU {'with' if quantised else 'without'} bitsandbytes"
    return "qlora" if quantised else "lora"


def default_epochs(rows: int, batch_size: int) -> int:
    """Five; more where that would be under 400 steps, fewer where it would be over 2,500."""
    steps = math.ceil(rows / batch_size)
    target = max(_EPOCHS * steps, _FEWEST_STEPS)
    return max(1, min(_MOST_EPOCHS, math.ceil(min(target, _MOST_STEPS) / steps)))


def _even_share(batch_size: int, most: int) -> int:
    """The largest micro-batch up to `most` that cuts a step into equal parts (the last may be smaller)."""
    return math.ceil(batch_size / math.ceil(batch_size / most))


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:,.0f} M parameters"


def _word_dropout(task: TaskSpec, method: Method, parameters: int) -> tuple[float, str]:
    """Only where it was measured to help: labels, all weights of a small base."""
    if handler_for(task).answer is not AnswerKind.LABEL:
        return 0.0, f"{task.profile}: answers may be copied from the input"
    if method != "full" or parameters >= FULL_BELOW:
        return 0.0, "labels, but not all weights of a small base"
    return _WORD_DROPOUT, "labels, all weights of a small base: it would memorise the rows"


def _precision(option: str) -> tuple[Literal["bf16", "fp32"], str]:
    if option == "bf16":
        return "bf16", "asked for"
    if option == "fp32":
        return "fp32", "asked for"
    return best_precision()
