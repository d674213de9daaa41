"""The part of `narrowcast train` that trains under several seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.cli.output import emit, next_step, say, table

if TYPE_CHECKING:
    from narrowcast.core.work import Work
    from narrowcast.experiments.requests import SeedsRequest
    from narrowcast.experiments.seeds import SeedsResult
    from narrowcast.pipeline.project import Project


def train_seeds(project: Project, request: SeedsRequest, work: Work, *, as_json: bool) -> None:
    """Train, then print one line per seed, mean and spread."""
    from narrowcast.experiments import seeds

    result = seeds.train_seeds(project, request, work)
    emit(result, as_json, lambda: _render(result))


def _render(found: SeedsResult) -> None:
    numbers = [(name, "right") for name in ("train loss", "dev loss", found.metric, "minutes")]
    rows = [
        [
            run.run_id,
            run.seed,
            "" if run.train_loss is None else f"{run.train_loss:.4f}",
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
    say(
        f"the current run is now the best of them, {found.current_run}; "
        "its dev score is optimistic, because it selected the run"
    )
    next_step("narrowcast eval")
