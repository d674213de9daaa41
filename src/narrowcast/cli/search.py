"""`narrowcast search`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.experiments.requests import SearchRequest

if TYPE_CHECKING:
    from narrowcast.experiments.search.result import SearchResult, Trial
    from narrowcast.experiments.search.run import SearchPreview


@request_command
def search(request: SearchRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Search recipes and base models.

    Each trial is a training run that is scored on dev rows; a trial below the median stops early.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.experiments.search import run

    with open_project(project) as opened, terminal_work(as_json) as work:
        if request.dry_run:
            preview = run.preview_search(opened, request, work)
            emit(preview, as_json, lambda: _render_preview(preview))
            return
        result = run.search(opened, request, work)
    emit(result, as_json, lambda: _render(result))


def _render_preview(preview: SearchPreview) -> None:
    from narrowcast.cli.output import next_step, say, table

    say(f"[bold]{preview.study}[/]: {preview.done:,} of {preview.trials:,} trials are done")
    rows = []
    for name, each in preview.space.items():
        times = " × the recipe's" if each.get("relative") else ""
        log = ", logarithmic" if each.get("log") else ""
        values = (
            ", ".join(map(str, each["values"]))
            if "values" in each
            else f"{each['low']:g} to {each['high']:g}"
        )
        rows.append([name, f"{values}{times}{log}", preview.first_trial[name]])
    table(["option", "varied over", "first trial"], rows)
    next_step("the same without --dry-run")


def _render(found: SearchResult) -> None:
    from narrowcast.cli.output import next_step, say, table

    if not found.trials:
        say("no trial has finished")
    else:
        names = list(dict.fromkeys(name for each in found.trials for name in each.varied))
        figures = (found.metric or "score", "95 % interval", "ms/answer", "MB", "minutes")
        numbers = [(name, "right") for name in figures]
        table(
            ["trial", "state", *names, *numbers, "run"],
            [_cells(each, names, found.best) for each in found.trials],
        )
        say("best: highest score; front: on the Pareto front of score, latency and size")
        if found.beside:
            others = sum(each.run is not None for each in found.trials) - 1
            say(f"the intervals of {len(found.beside)} of the {others} other finished trials hold that score")
        say("these are dev scores, and the best of many is optimistic: measure it on test rows")
    if found.dropped:
        say(f"weights of {len(found.dropped):,} other trials were removed (--keep all keeps them)")
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
    interval = f"[{run.score.low:.3f}, {run.score.high:.3f}]"
    size = "" if run.size_bytes is None else f"{run.size_bytes / 1e6:,.0f}"
    return [
        str(trial.number), mark, *varied, f"{run.score.value:.4f}", interval, f"{trial.latency_ms:.2f}", size,
        f"{run.seconds / 60:.1f}", run.run_id,
    ]  # fmt: skip
