"""Everything training needs before the weights are loaded: base, tokenizer, token rows, recipe."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.errors import NarrowcastError, StageError
from narrowcast.models.loading import ResolvedBase, load_tokenizer, resolve_base
from narrowcast.plugins.optional import require
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.tasks import handler_for
from narrowcast.training.data.rows import TokenRows, tokenise
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.choose import objective_name
from narrowcast.training.options import Options
from narrowcast.training.packing.choice import choose_layout, packed_micro_batch
from narrowcast.training.recipes.recipe import Recipe, choose_recipe, learned_turns, max_length
from narrowcast.training.recipes.selection import choose_selection


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """What a run is made of."""

    manifest: DatasetManifest
    base: ResolvedBase
    tokenizer: Any
    train: TokenRows
    dev: TokenRows
    recipe: Recipe
    drawn: str = ""
    """Of a quick run, which share of the train rows it sees."""
    shortened: str = ""
    """Why it has fewer epochs than asked for or usual; empty where it has them all."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.recipe.steps(len(self.train.rows))


def build_setup(options: Options, ctx: StageContext) -> TrainingSetup:
    """Read and render the rows, and fill in the recipe.

    Only the train and dev splits are read; test and golden rows never come near training.

    Raises:
        StageError: if no row is left to train on.
        ModelError: if the chat template refuses every row.
        CancelledError: on request.
    """
    require("torch", "transformers", "accelerate", "peft", "safetensors", purpose="training")
    manifest = load_manifest(ctx.project)
    base = resolve_base(options.base, ctx.settings)
    ctx.progress.start(f"loading the tokenizer of {base.name}")
    tokenizer = load_tokenizer(base)
    longest = max_length(options, base)
    pairs = OBJECTIVES.get(objective_name(options, manifest.task)).pairs
    every_turn = learned_turns(options, manifest.task) == "all"
    splits: dict[Split, TokenRows] = {}
    drawn = ""
    for split in (Split.TRAIN, Split.DEV):
        examples = split_examples(ctx, manifest, split)
        if split is Split.TRAIN:
            examples, drawn = drawn_rows(examples, options)
        ctx.progress.start(f"rendering {split} rows", len(examples))

        def each() -> None:
            ctx.cancel.check(reason_code="training_cancelled")
            ctx.progress.advance()

        splits[split] = tokenise(
            examples,
            handler_for(manifest.task),
            tokenizer,
            longest,
            each,
            pairs=pairs,
            every_turn=every_turn,
        )
    train = splits[Split.TRAIN]
    if not train.rows:
        raise _nothing_left(train, longest)
    ctx.progress.start("choosing what was not given")
    recipe = choose_recipe(options, base, manifest.task, len(train.rows), train.longest)
    if train.turns_without_loss:
        recipe.reasons["loss_turns"] = (
            f"without {train.turns_without_loss:,} turns that the template renders differently in the history"
        )
    recipe.layout, recipe.reasons["layout"] = choose_layout(
        options, base, train.rows, recipe.micro_batch_size
    )
    if recipe.layout == "tree" and recipe.accumulation > 1 and options.micro_batch_size is None:
        recipe.micro_batch_size, recipe.reasons["micro_batch_size"] = packed_micro_batch(
            options, train.rows, recipe.micro_batch_size
        )
    recipe.select_by, recipe.reasons["select_by"] = choose_selection(
        options, manifest.task, len(splits[Split.DEV].rows)
    )
    return TrainingSetup(manifest, base, tokenizer, train, splits[Split.DEV], recipe, drawn)


def _nothing_left(train: TokenRows, longest: int) -> NarrowcastError:
    if train.refusal is not None and set(train.rejected) == {"template_refused"}:
        return train.refusal
    reasons = ", ".join(f"{count} {reason}" for reason, count in train.rejected.items()) or "no rows"
    return StageError(
        f"no row is left to train on: {reasons}",
        where=f"longest row allowed: {longest} tokens",
        next_command="narrowcast train --base ID, or narrowcast data ledger",
        reason_code="training_dispatch_error",
    )


def drawn_rows(rows: list[Example], options: Options) -> tuple[list[Example], str]:
    """The rows of a quick run, in the order of their file, and in words how they were drawn."""
    if options.rows is None or options.rows >= len(rows):
        return rows, ""
    generator = random.Random(options.seed)  # noqa: S311 - a reproducible draw, not a secret
    chosen = sorted(generator.sample(range(len(rows)), options.rows))
    words = f"{options.rows:,} of {len(rows):,} train rows, drawn at random with seed {options.seed}"
    return [rows[index] for index in chosen], words


def split_examples(ctx: StageContext, manifest: DatasetManifest, split: Split) -> list[Example]:
    """The rows of a split; none where the data set has no dev rows."""
    stored = manifest.splits.get(split)
    # A data set may have no dev rows; train is always there, or `read_split` says what to do.
    if split is Split.DEV and (stored is None or stored.rows == 0):
        return []
    return read_split(ctx.project, manifest, split)
