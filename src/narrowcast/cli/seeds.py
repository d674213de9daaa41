"""The part of `narrowcast train` that trains under several seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.cli.output import emit, next_step, say, table
from narrowcast.cli.progress import working

if TYPE_CHECKING:
    from narrowcast.experiments.seeds import Seeds
    from narrowcast.pipeline.project import Project


def train_seeds(
    project: Project, overrides: dict[str, Any], seeds: int, *, autopilot: bool, force: bool, as_json: bool
) -> None:
    """Train, then print a line a seed, mean and spread."""
    from narrowcast.experiments import seeds as ops
    from narrowcast.ops.train import choose_open

    with working(as_json) as (progress, cancel):
        given = choose_open(project, overrides) if autopilot else overrides
        found = ops.train_seeds(project, given, seeds=seeds, force=force, progress=progress, cancel=cancel)
    emit(found, as_json, lambda: _render(found))


def _render(found: Seeds) -> None:
    numbers = [(name, "right") for name in ("train loss", "dev loss", found.metric, "minutes")]
    rows = [
        [
            run.run_id,
            run.seed,
            f"{run.train_loss:.4f}",
            "" if run.dev_loss is None else f"{run.dev_loss:.4f}",
            f"{run.score.value:.4f} [{run.score.low:.3f}, {run.score.high:.3f}]",
            f"{run.seconds / 60:.1f}",
        ]
        for run in found.runs
    ]
    table(["run", ("seed", "right"), *numbers], rows)
    score = found.score
    say(
        f"[bold]{found.metric} {score.mean:.4f} ± {score.std:.4f}[/] (mean and standard deviation of "
        f"{len(found.runs)} seeds), {score.low:.4f} to {score.high:.4f}, on {found.n:,} dev rows"
    )
    say(f"the current run is now the best of them, {found.current_run}; its dev score is flattered by that")
    next_step("narrowcast eval")
