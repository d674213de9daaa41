"""`narrowcast search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, stage_options

if TYPE_CHECKING:
    from narrowcast.experiments.search.plan import Plan
    from narrowcast.experiments.search.result import Search, Trial

VaryOption = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=RANGE", help="Vary this alone: low..high[:log], 0.5x..2x or a,b,c; may be repeated."
    ),
]


@stage_options("narrowcast.training.options:Options")
def search(
    overrides: dict[str, Any],
    project: ProjectOption = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials of the study, earlier ones included.")] = 20,
    timeout: Annotated[float | None, typer.Option(min=0, help="Stop after these minutes.")] = None,
    vary: VaryOption = [],  # noqa: B006 - typer reads it, nobody changes it
    space: Annotated[Path | None, typer.Option(help="YAML file with a search space.")] = None,
    dev_rows: Annotated[int, typer.Option(min=1, help="Dev rows a finished trial is measured on.")] = 500,
    keep: Annotated[
        Literal["front", "all"], typer.Option(help="Whose weights stay: best and front, or all.")
    ] = "front",
    force: Annotated[bool, typer.Option("--force", help="Train without a baseline.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show space, first trial and what was done; train nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Search recipes and bases: trials are training runs, scored on dev rows, ended early where behind."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.experiments.search.plan import plan_search
    from narrowcast.experiments.search.run import search as run
    from narrowcast.experiments.search.space import read_space, read_vary

    plan = plan_search(
        open_project(project),
        overrides,
        space=read_space(space) if space else None,
        vary=dict(read_vary(each) for each in vary),
    )
    if dry_run:
        shown = _shown(plan, trials)
        emit(shown, as_json, lambda: _render_plan(shown))
        return
    with working(as_json) as (progress, cancel):
        found = run(
            plan,
            trials=trials,
            timeout_minutes=timeout,
            rows=dev_rows,
            keep=keep,
            force=force,
            progress=progress,
            cancel=cancel,
        )
    emit(found, as_json, lambda: _render(found))


def _shown(plan: Plan, trials: int) -> dict[str, Any]:
    from narrowcast.experiments.search.run import earlier

    return {
        "study": plan.study,
        "space": {
            name: each.model_dump(mode="json", exclude_defaults=True) for name, each in plan.space.items()
        },
        "first_trial": plan.options_of(plan.start()),
        "trials": trials,
        "done": earlier(plan),
    }


def _render_plan(shown: dict[str, Any]) -> None:
    from narrowcast.cli.output import next_step, say, table

    say(f"[bold]{shown['study']}[/]: {shown['done']:,} of {shown['trials']:,} trials are done")
    rows = []
    for name, each in shown["space"].items():
        times = " × the recipe's" if each.get("relative") else ""
        log = ", logarithmic" if each.get("log") else ""
        values = (
            ", ".join(map(str, each["values"]))
            if "values" in each
            else f"{each['low']:g} to {each['high']:g}"
        )
        rows.append([name, f"{values}{times}{log}", shown["first_trial"][name]])
    table(["option", "varied over", "first trial"], rows)
    next_step("the same without --dry-run")


def _render(found: Search) -> None:
    from narrowcast.cli.output import next_step, say, table

    if not found.trials:
        say("no trial has finished")
    else:
        names = list(dict.fromkeys(name for each in found.trials for name in each.varied))
        numbers = [(name, "right") for name in (found.metric or "score", "±", "ms/answer", "MB", "minutes")]
        table(
            ["trial", "", *names, *numbers, "run"], [_cells(each, names, found.best) for each in found.trials]
        )
        say("best: highest score; front: no trial beats it in score, latency and size at once")
        say("scores are of dev rows, and the best of many is flattered: measure it on test rows")
    if found.dropped:
        say(f"weights of {len(found.dropped):,} trials that lost were removed (--keep all keeps them)")
    for path in found.files:
        say(f"  {path}")
    for step in found.next:
        next_step(step)


def _cells(trial: Trial, names: list[str], best: int | None) -> list[str]:
    mark = "best" if trial.number == best else "front" if trial.front else ""
    varied = [str(trial.varied.get(name, "")) for name in names]
    run = trial.run
    if run is None:
        return [str(trial.number), trial.state, *varied, "", "", "", "", "", trial.why or trial.run_id]
    half = f"{(run.score.high - run.score.low) / 2:.3f}"  # of the 95 % interval
    size = "" if run.size_bytes is None else f"{run.size_bytes / 1e6:,.0f}"
    return [
        str(trial.number), mark, *varied, f"{run.score.value:.4f}", half, f"{trial.latency_ms:.2f}", size,
        f"{run.seconds / 60:.1f}", run.run_id,
    ]  # fmt: skip
