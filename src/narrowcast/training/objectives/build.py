"""The objective of a recipe."""

from __future__ import annotations

from typing import Any

from narrowcast.core.stage import StageContext
from narrowcast.training.data.batches import collate
from narrowcast.training.objectives.base import Layout, Objective
from narrowcast.training.objectives.completions import Completions
from narrowcast.training.objectives.preferences import Preferences
from narrowcast.training.objectives.reference import reference_margins
from narrowcast.training.options import Options
from narrowcast.training.packing.batch import pack
from narrowcast.training.packing.planner import PlannedLayout
from narrowcast.training.setup import TrainingSetup


def build_objective(setup: TrainingSetup, options: Options, model: Any, ctx: StageContext) -> Objective:
    """The loss of the recipe; preferences are measured against the weights as they are now."""
    recipe, layout = setup.recipe, layout_of(setup)
    if recipe.objective == "sft":
        return Completions(layout)
    rows = [*setup.train.rows, *setup.dev.rows]
    ctx.progress.start("reference margins", len(rows))

    def each(pairs: int) -> None:
        ctx.cancel.check(reason_code="training_cancelled")
        ctx.progress.advance(pairs)

    margins = reference_margins(
        model,
        rows,
        layout,
        pad=setup.tokenizer.pad_token_id or 0,
        at_once=recipe.micro_batch_size,
        bf16=recipe.precision == "bf16",
        each=each,
    )
    return Preferences(layout, options.beta, margins)


def probe_objective(setup: TrainingSetup, options: Options) -> Objective:
    """One that costs as much time and memory, for a probe that learns nothing."""
    layout = layout_of(setup)
    if setup.recipe.objective == "sft":
        return Completions(layout)
    rows = [*setup.train.rows, *setup.dev.rows]
    return Preferences(layout, options.beta, dict.fromkeys((row.example_id for row in rows), 0.0))


def layout_of(setup: TrainingSetup) -> Layout:
    """How the recipe puts rows into a batch."""
    if setup.recipe.layout_costs is not None:
        return PlannedLayout(setup.recipe.layout_costs)
    return pack if setup.recipe.layout == "tree" else collate
