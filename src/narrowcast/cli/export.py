"""`narrowcast export` and `narrowcast parity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.cli.stage import stage_command
from narrowcast.ops.requests import ExportRequest, ParityRequest

if TYPE_CHECKING:
    from narrowcast.core.parity import ComparedColumn, FormatParity, ParityReport
    from narrowcast.stages.export import ExportResult


@stage_command(ExportRequest, "narrowcast.ops.export:export", "narrowcast.stages.export:STAGE")
def export(result: ExportResult) -> None:
    """Export the trained model as a bundle.

    Then checks that the exported files answer like the trained model (parity).
    """
    from narrowcast.cli.output import next_step, say, table
    from narrowcast.cli.verdict import show_verdict

    say(f"[bold]Bundle of {result.run_id}[/]  {result.bundle}")
    table(
        ["format", "file", ("size", "right")],
        [[name, path, f"{result.sizes[name] / 1e6:.1f} MB"] for name, path in result.files.items()],
    )
    if result.parity is not None:
        _render_parity(result.parity)
    show_verdict(result.verdict)
    if result.verdict is not None and result.verdict.blocks:
        next_step(result.verdict.conclusion.next[0])
    else:
        next_step(result.serve if result.verdict else f"narrowcast eval run:{result.run_id}")


@request_command
def parity(request: ParityRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Check the exported files against the trained model again.

    Exit code 3 if one of them fails.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.export import parity as prove

    with open_project(project) as opened, terminal_work(as_json) as work:
        report = prove(opened, request, work)
    emit(report, as_json, lambda: _render_parity(report))
    if report.verdict == "fail":
        raise typer.Exit(3)


def _render_parity(report: ParityReport) -> None:
    from rich.markup import escape

    from narrowcast.cli.output import say, table
    from narrowcast.core.parity import compared_columns
    from narrowcast.evaluation.markdown import groups_text

    groups = groups_text(report.rows, report.formats[0].groups)
    say(f"[bold]Parity[/]  {report.rows} rows of {report.split}{groups}, trained model against each file")
    columns = compared_columns(report)
    heads = [*(column.head for column in columns), report.formats[0].metric, "difference", "ms"]
    table(
        ["file", "weights", "prompt ids", *((head, "right") for head in heads), "verdict"],
        [_parity_row(each, columns) for each in report.formats],
    )
    for each in report.formats:
        if each.detail:
            say(f"{each.format}: {escape(each.detail)}")


def _parity_row(each: FormatParity, columns: list[ComparedColumn]) -> list[str]:
    difference, latency = each.metric_difference, each.median_latency_s
    return [
        each.format,
        "equal" if each.identical else "differ",
        "equal" if each.prompt_ids_equal else "differ",
        *(column.of(each) for column in columns),
        _figure(each.exported, ".3f"),
        f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})" if difference else "-",
        _figure(None if latency is None else 1000 * latency, ".0f"),
        f"{each.verdict.replace('_', ' ')}{f': {each.cause}' if each.cause else ''}",
    ]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
