"""From the setup of a run to its objective."""

from __future__ import annotations

from typing import Any

from narrowcast.core.stage import StageContext
from narrowcast.training.data.batches import collate
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.base import Layout, Objective, ObjectiveSetup
from narrowcast.training.objectives.choose import objective_options
from narrowcast.training.options import Options
from narrowcast.training.packing.batch import pack
from narrowcast.training.packing.planner import PlannedLayout
from narrowcast.training.setup import TrainingSetup


def build_objective(setup: TrainingSetup, options: Options, model: Any, ctx: StageContext) -> Objective:
    """The objective of the recipe; it may measure the weights as they are now."""
    return OBJECTIVES.get(setup.recipe.objective).build(_objective_setup(setup, options, model, ctx))


def probe_objective(setup: TrainingSetup, options: Options, model: Any, ctx: StageContext) -> Objective:
    """One of the same cost in time and memory, for a probe that learns nothing."""
    return OBJECTIVES.get(setup.recipe.objective).probe(_objective_setup(setup, options, model, ctx))


def layout_of(setup: TrainingSetup) -> Layout:
    """How the recipe puts rows into a batch."""
    if setup.recipe.layout_costs is not None:
        return PlannedLayout(setup.recipe.layout_costs)
    return pack if setup.recipe.layout == "tree" else collate


def _objective_setup(setup: TrainingSetup, options: Options, model: Any, ctx: StageContext) -> ObjectiveSetup:
    recipe = setup.recipe
    return ObjectiveSetup(
        rows=[*setup.train.rows, *setup.dev.rows],
        layout=layout_of(setup),
        pad=setup.tokenizer.pad_token_id or 0,
        options=objective_options(options, OBJECTIVES.get(recipe.objective)),
        micro_batch_size=recipe.micro_batch_size,
        bf16=recipe.precision == "bf16",
        model=model,
        ctx=ctx,
    )
