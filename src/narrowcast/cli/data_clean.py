"""`narrowcast data clean` and `narrowcast data cleanings`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.ops.requests import CleanRequest

if TYPE_CHECKING:
    from narrowcast.history.unredacted import UnredactedCopy
    from narrowcast.store.cleanings import CleanReport


@request_command
def clean(request: CleanRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Clean the texts of a source, and split them into chunks.

    Repairs characters, removes markup and boilerplate, and reports or redacts personal data and secrets.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.clean import clean as clean_texts
    from narrowcast.ops.clean import copies

    with open_project(project) as opened, terminal_work(as_json) as work:
        report = clean_texts(opened, request, work)
        left = [] if request.dry_run else copies(opened, report)
    listed = {**report.model_dump(mode="json"), "unredacted_copies": [each.model_dump() for each in left]}
    emit(listed, as_json, lambda: show_report(report, opened.paths.root, left, dry_run=request.dry_run))


def cleanings(
    remove: Annotated[
        str | None, typer.Option(metavar="ID", help="Remove the files of this cleaning; its imports stay.")
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cleanings, or remove one."""
    from narrowcast.cli.output import emit, next_step, say, table
    from narrowcast.cli.state import open_project
    from narrowcast.ops.clean import cleanings as list_cleanings
    from narrowcast.ops.clean import remove_cleaning

    with open_project(project) as opened:
        removed = remove_cleaning(opened, remove) if remove else None
        reports = [] if remove else list_cleanings(opened)
    if removed is not None:
        gone = removed
        emit(gone, as_json, lambda: say(f"removed [bold]{gone.id}[/], a cleaning of {gone.locator}"))
        return
    rows = [
        (each.id, f"{each.ledger.rows_out:,} of {each.ledger.rows_in:,}", f"{each.chunks:,}", each.locator)
        for each in reports
    ]

    def render() -> None:
        if not rows:
            say("no source was cleaned yet")
            next_step("narrowcast data clean --locator SCHEME:PATH")
            return
        table(["id", ("rows", "right"), ("chunks", "right"), "source"], rows)

    emit([each.model_dump(mode="json") for each in reports], as_json, render)


def show_report(
    report: CleanReport, root: Path, copies: Sequence[UnredactedCopy] = (), *, dry_run: bool = False
) -> None:
    """What was changed, found and rejected, in the project whose folder is `root`."""
    from narrowcast.cli.output import command, next_step, say, table

    def counted(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"

    where = "nothing was stored" if dry_run else report.folder
    say(f"[bold]{report.id}[/]  {where}")
    ledger = report.ledger
    say(f"  rows      {ledger.rows_in:,} in, {ledger.rows_out:,} kept; rejected: {counted(ledger.rejected)}")
    say(f"  changed   {report.changed_rows:,} rows: {counted(report.changes)}")
    say(f"  language  {counted(dict(list(report.languages.items())[:6]))}")
    if report.quality:
        say("  quality   " + ", ".join(f"{name} {value:.2f}" for name, value in report.quality.items()))
    say(f"  chunks    {report.chunks:,}; unusual lengths: {report.outliers:,}")
    if report.findings:
        table(
            ["found", "kind", ("findings", "right"), ("rows", "right")],
            [(each.family, each.kind, f"{each.findings:,}", f"{each.rows:,}") for each in report.findings],
        )
    for warning in report.warnings:
        say(f"  [yellow]warning[/]   {warning}")
    for copy in copies:
        say(f"  [yellow]unredacted[/] {copy.path} holds texts as they came; this removes it:")
        command(copy.remove)
    if not dry_run:
        cleaned = shlex.quote(f"jsonl:{root / report.folder}/cleaned.jsonl")
        next_step(f"narrowcast data import --locator {cleaned} --auto")
