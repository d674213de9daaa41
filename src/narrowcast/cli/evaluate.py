"""`narrowcast baseline`, `narrowcast eval`, `narrowcast compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.cli.stage import stage_command
from narrowcast.ops.requests import BaselineRequest, CompareRequest, EvaluateRequest

if TYPE_CHECKING:
    from narrowcast.evaluation.result import MeasureResult
    from narrowcast.ops.evaluate import CompareResult


def _plain(result: MeasureResult) -> dict[str, Any]:
    """One model asked for: its figures at the top level, baselines under `against`. Several: a list."""
    gated = [each for each in result.results if each.verdict is not None]
    subjects = gated or result.results
    whole = result.model_dump(mode="json")
    shared = ("report", "rows_drawn", "groups", "looks", "comparisons", "warnings")
    common = {name: whole[name] for name in shared}
    for each, comparison in zip(common["comparisons"], result.comparisons, strict=True):
        each["verdict"] = comparison.verdict
    figures = {each["model"]: each for each in whole["results"]}
    names = [each.model for each in subjects]
    against = [figures[name] for name in figures if name not in names]
    if len(names) == 1:
        return {**figures[names[0]], **common, "against": against}
    own = [figures[name] for name in names]
    return {"results": own, "against": against, **common, "verdict": result.verdict}


@stage_command(BaselineRequest, "narrowcast.ops.evaluate:baseline", "narrowcast.stages.baseline:STAGE")
def baseline(result: MeasureResult) -> None:
    """Measure the baselines that a fine-tuned model has to beat.

    They are the majority, linear models on words, on characters and on the vectors of a sentence encoder, the
    nearest train rows, the base model, and the base model with shots in its prompt, as far as they suit the
    task. One whose weights are not on this machine is named.
    """
    from narrowcast.evaluation.conclude import LOOK_FOR_LEAKS

    perfect = any(each.is_perfect for each in result.results)
    _render(result, f"{LOOK_FOR_LEAKS}, as no model can be better here" if perfect else "narrowcast train")


@stage_command(
    EvaluateRequest,
    "narrowcast.ops.evaluate:evaluate",
    "narrowcast.stages.evaluate:STAGE",
    plain=_plain,
    code=lambda result: 3 if result.verdict == "fail" or result.blocks else 0,
)
def evaluate(result: MeasureResult) -> None:
    """Measure models on held-out rows.

    Reports intervals, release gates and paired comparisons. Exit code 3 if a release gate fails, or if one
    that you named lacks data.
    """
    trained = any(each.model.name == "run" or each.model.is_file for each in result.results)
    _render(result, "narrowcast export" if trained else "narrowcast train")


@request_command
def compare(request: CompareRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Compare two models on the same held-out rows.

    Reports the paired difference with its confidence interval and p-value.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.evaluate import compare as measure

    with open_project(project) as opened, terminal_work(as_json) as work:
        pair = measure(opened, request, work)
    emit(_plain_pair(pair), as_json, lambda: _render_pair(pair))


def _plain_pair(pair: CompareResult) -> dict[str, Any]:
    """The shape of `eval`, with `difference` (first minus second) and `p_value`."""
    figures = pair.first.model_dump(mode="json")
    difference = pair.comparison.difference.model_dump(mode="json")
    return {
        **figures,
        "verdict": pair.comparison.verdict,
        "against": pair.second.model_dump(mode="json"),
        "difference": difference,
        "p_value": difference["p_value"],
        "report": pair.report,
        "looks": pair.looks,
    }


def _render(result: MeasureResult, next_command: str) -> None:
    from narrowcast.cli.output import next_step, say, table
    from narrowcast.cli.verdict import show_conclusion
    from narrowcast.evaluation.markdown import (
        comparison_line,
        groups_text,
        interval_note,
        latency_text,
        size_text,
        unmeasured_lines,
        value_text,
    )

    groups = groups_text(result.n, result.groups)
    drawn = f", {result.rows_drawn}" if result.rows_drawn else ""
    looks = f", access {result.looks} to this split" if result.looks else ""
    say(f"[bold]{result.split.value} split[/]  {result.n:,} rows{groups}{drawn}{looks}")
    primary = result.results[0].primary
    rows = [
        [
            each.model,
            value_text(each.metrics[primary]),
            latency_text(each.speed.latency_p50_ms),
            size_text(each.size_bytes),
            (each.verdict or "").replace("_", " "),
        ]
        for each in result.results
    ]
    heads: list[str | tuple[str, str]] = [
        "model",
        f"{primary} [95 %]",
        ("p50", "right"),
        ("size", "right"),
        "gates",
    ]
    rows += [[each.model, "not measured", "–", "–", ""] for each in result.unmeasured]
    table(heads, rows)
    for line in unmeasured_lines(result.unmeasured):
        say(f"  not measured  {line}")
    for comparison in result.comparisons:
        say(f"  {comparison_line(comparison)}")
    if note := interval_note(result.comparisons):
        say(f"  [dim]{note}[/]")
    small = result.results[0].small.get(primary)
    for warning in [
        *result.warnings,
        *([f"no threshold on {primary} can be decided here: {small}"] if small else []),
    ]:
        say(f"  [yellow]warning[/]   {warning}")
    for each in result.results:
        for gate in each.gates:
            say(f"  gate {gate.gate_id} on {each.model}: {gate.verdict.replace('_', ' ')} ({gate.reason})")
    say(f"  report    {result.report}/report.md")
    conclusions = [each.conclusion for each in result.results if each.conclusion]
    for conclusion in conclusions:
        show_conclusion(conclusion)
    next_step(conclusions[0].next[0] if conclusions and conclusions[0].next else next_command)


def _render_pair(pair: CompareResult) -> None:
    from narrowcast.cli.output import say, table
    from narrowcast.evaluation.markdown import comparison_line, value_text

    names = [name for name in pair.first.metrics if name in pair.second.metrics]
    rows = [
        [name, value_text(pair.first.metrics[name]), value_text(pair.second.metrics[name])] for name in names
    ]
    table(["metric", pair.first.model, pair.second.model], rows)
    gap = pair.comparison.difference
    say(f"  {comparison_line(pair.comparison)}")
    say(
        f"  rows that only {pair.first.model} has right: {gap.only_first_right}, only {pair.second.model}: "
        f"{gap.only_second_right} (McNemar p = {gap.mcnemar_p:.3g})"
    )
    say(f"  report    {pair.report}/report.md")
