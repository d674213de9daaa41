"""A study as a result: ranked, drawn, written beside its journal, with the commands to continue."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from narrowcast.experiments.search.plan import SearchPlan
from narrowcast.experiments.search.result import SearchResult, Trial, beside_best, latencies, pareto, ranked
from narrowcast.experiments.train_words import train_words
from narrowcast.store.files import atomic_writer, write_json, write_text

_NOT_IN_RUN_ID = {"forgetting_check"}


def report(
    plan: SearchPlan,
    trials: Sequence[Trial],
    *,
    asked: int,
    stopped: Literal["", "timeout"],
    current: str | None,
) -> SearchResult:
    """Write `result.json`, `trials.csv` and, where a trial finished, `pareto.svg` and `pareto.png`."""
    paths = plan.project.paths
    folder = paths.searches / plan.study
    front = pareto(trials)
    speeds = latencies(trials)
    marked = [
        each.model_copy(update={"front": each.number in front, "latency_ms": speeds.get(each.number)})
        for each in trials
    ]
    best = ranked(marked)
    result = SearchResult(
        study=plan.study,
        folder=paths.relative(folder),
        trials=marked,
        asked=asked,
        stopped=stopped,
        metric=best[0].run.metric if best and best[0].run else "",
        best=best[0].number if best else None,
        beside=beside_best(marked),
        front=front,
        current_run=current,
        next=_next(plan, best, asked, stopped, current),
    )
    write_text(folder / "trials.csv", _table(marked))
    result.files = [paths.relative(folder / "trials.csv")]
    if best:
        from narrowcast.experiments.search.figure import draw_pareto

        for kind, picture in draw_pareto(marked, speeds, result.metric).items():
            with atomic_writer(folder / f"pareto.{kind}") as file:
                file.write(picture)
            result.files.append(paths.relative(folder / f"pareto.{kind}"))
    write_json(folder / "result.json", result.model_dump(mode="json"))
    return result


def train_command(plan: SearchPlan, trial: Trial) -> str:
    """`narrowcast train` with the options of a trial: the run that is there already."""
    options = {name: value for name, value in trial.options.items() if name not in _NOT_IN_RUN_ID}
    return train_words({"project": plan.project.slug, **options})


def _next(
    plan: SearchPlan, best: Sequence[Trial], asked: int, stopped: str, current: str | None
) -> list[str]:
    steps = [f"the same search again, to continue to {asked:,} trials"] if stopped else []
    if best and current:
        steps += [f"narrowcast eval run:{current}", f"{train_command(plan, best[0])} --seeds 3"]
        steps.append("narrowcast export")
    return steps


def _table(trials: Sequence[Trial]) -> str:
    names = list(dict.fromkeys(name for each in trials for name in each.varied))
    figures = ("metric", "score", "low", "high", "dev_loss", "latency_ms", "size_bytes", "seconds")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "run", "front", *names, *figures, "why"])
    for each in trials:
        run = each.run
        values: list[Any] = [""] * len(figures)
        if run is not None:
            score = run.score
            values = [run.metric, score.value, score.low, score.high, run.dev_loss]
            values += [each.latency_ms, run.size_bytes, run.seconds]
        varied = [each.varied.get(name, "") for name in names]
        writer.writerow([each.number, each.state, each.run_id, int(each.front), *varied, *values, each.why])
    return text.getvalue()
