"""What the layouts of a batch cost here: measured on a few batches of the run before it begins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from narrowcast.core.stage import StageContext
from narrowcast.models.allocator import kept_pages
from narrowcast.store.files import read_json, write_json
from narrowcast.training.data.batches import LengthGroupedBatches
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.forward import picked_logits
from narrowcast.training.fused.last_layer import EarlyHead
from narrowcast.training.objectives.sft import Completions
from narrowcast.training.options import Options
from narrowcast.training.packing.choice import can_pack
from narrowcast.training.packing.costs import Costs
from narrowcast.training.packing.planner import LAYOUTS, LayoutName, PlannedLayout, laid_out, work
from narrowcast.training.packing.register import use
from narrowcast.training.setup import TrainingSetup

_BATCHES = 3  # measured: a short, a middling and a long one
_REPEATS = 2
_LEAST = 50  # a run takes at least this many times as long as its calibration, or is not calibrated
_PREVIEWED = 64  # batches whose layouts the event reports before training


def plan_layout(setup: TrainingSetup, options: Options, model: Any, folder: Path, ctx: StageContext) -> None:
    """Put the costs of this machine into the recipe, where the layout is open and the run is long enough.

    An interrupted run keeps those it began with, a repeated one those of the first.
    """
    recipe, kept = setup.recipe, folder / "layout.json"
    if recipe.layout_costs is None and kept.exists():
        recipe.layout_costs = Costs.model_validate(read_json(kept))
    elif recipe.layout_costs is None and ctx.settings.processes == 1 and _pays(setup, options):
        ctx.progress.note("measuring what each layout of a batch costs here")
        recipe.layout_costs = calibrate(setup, model)
        write_json(kept, recipe.layout_costs.model_dump())
    if recipe.layout_costs is None:
        return
    use(model)
    plan = _preview(setup, recipe.layout_costs)
    recipe.reasons["layout"] = plan["reason"]
    ctx.emit("training_layout_planned", plan["reason"], {**plan, "costs": recipe.layout_costs.model_dump()})


def calibrate(setup: TrainingSetup, model: Any) -> Costs:
    """Forward and backward of a few batches in each layout; the weights stay as they are.

    Returns:
        The costs that fit the times best, none below zero.
    """
    from scipy.optimize import nnls

    use(model)
    head = EarlyHead(model)
    batches = sorted(micro_batches(setup), key=lambda rows: sum(len(row.ids) for row in rows))
    picked = [batches[len(batches) * (2 * at + 1) // (2 * _BATCHES)] for at in range(_BATCHES)]
    model.train()
    with kept_pages():
        timed = [
            (work(rows, layout), batch_seconds(setup, model, head, rows, layout))
            for rows in picked
            for layout in LAYOUTS
        ]
    model.zero_grad(set_to_none=True)
    head.close()
    # Relative errors: a short batch counts as much as a long one.
    table = torch.tensor([[1.0, *each] for each, _ in timed], dtype=torch.float64)
    weights = 1 / torch.tensor([seconds for _, seconds in timed], dtype=torch.float64)
    scale = table.abs().amax(0).clamp_min(1.0)
    found, _ = nnls((table / scale * weights[:, None]).numpy(), torch.ones(len(timed)).double().numpy())
    batch, token, padded, packed, piece = (found / scale.numpy()).tolist()
    return Costs(batch=batch, token=token, padded_pair=padded, packed_pair=packed, piece=piece)


def batch_seconds(
    setup: TrainingSetup,
    model: Any,
    head: EarlyHead,
    rows: Sequence[TokenRow],
    layout: LayoutName,
    repeats: int = _REPEATS,
) -> float:
    """Median seconds of forward and backward of a batch, after one that prepares products of new sizes."""
    batch = laid_out(rows, setup.tokenizer.pad_token_id or 0, layout)
    device = next(model.parameters()).device
    inputs = {name: each.to(device) if hasattr(each, "to") else each for name, each in batch.items()}
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        logits = picked_logits(model, head, inputs, bf16=setup.recipe.precision == "bf16")
        Completions.cross_entropy(logits, inputs).backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return median(times[1:])


def _pays(setup: TrainingSetup, options: Options) -> bool:
    recipe = setup.recipe
    able, _ = can_pack(setup.base, setup.train.rows)
    micro_batches = setup.steps * recipe.accumulation
    return (
        options.layout == "auto"
        and able
        and micro_batches >= _LEAST * _BATCHES * len(LAYOUTS) * (_REPEATS + 1)
    )


def micro_batches(setup: TrainingSetup) -> list[list[TokenRow]]:
    """Those of the first epoch, pairs as two rows."""
    rows, recipe = setup.train.rows, setup.recipe
    order = LengthGroupedBatches(
        [row.size for row in rows], recipe.batch_size, recipe.micro_batch_size, seed=0
    )
    return [[side for at in batch for side in rows[at].sides()] for batch in order]


def _preview(setup: TrainingSetup, costs: Costs) -> dict[str, Any]:
    """What is chosen for the first batches of an epoch, and what that saves."""
    planner, counts = PlannedLayout(costs), dict.fromkeys(LAYOUTS, 0)
    totals = dict.fromkeys(LAYOUTS, 0.0)
    planned = 0.0
    for rows in micro_batches(setup)[:_PREVIEWED]:
        layout, seconds = planner.choose(rows)
        counts[layout] += 1
        planned += seconds[layout]
        for name, each in seconds.items():
            totals[name] += each
    of = sum(counts.values())
    chosen = ", ".join(f"{name} {count / of:.0%}" for name, count in counts.items() if count)
    against = planned / min(totals["padded"], totals["packed"])
    return {
        "reason": f"measured here: {chosen} of the batches, {against:.0%} of the best plain layout's time",
        "batches": counts,
        "seconds": {**totals, "planned": planned},
    }
