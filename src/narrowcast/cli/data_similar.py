"""`narrowcast data dedupe` and `narrowcast data leakage`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.duplicates.requests import DedupeRequest, LeakageRequest

if TYPE_CHECKING:
    from narrowcast.core.settings import Settings
    from narrowcast.duplicates.dedupe import DedupeReport
    from narrowcast.duplicates.leakage import LeakageAudit
    from narrowcast.pipeline.project import Project


@request_command
def dedupe(request: DedupeRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Group duplicate rows: exact, near and semantic.

    Groups with contradicting labels are listed as well.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.duplicates.dedupe import dedupe as find_duplicates

    with _place(project, request.locator) as place, terminal_work(as_json) as work:
        report = find_duplicates(place, request, work)
    emit(report, as_json, lambda: _show_groups(report))


@request_command
def leakage(
    request: LeakageRequest,
    project: ProjectOption = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with code 3 if there are exact or near-duplicates.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find duplicates of the rows of B in A: exact, near, semantic."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.duplicates.leakage import leakage as find_leaks

    with _place(project, request.a, request.b) as place, terminal_work(as_json) as work:
        audit = find_leaks(place, request, work)
    emit(audit, as_json, lambda: _show_leaks(audit))
    if gate and audit.exact + audit.near:
        raise typer.Exit(3)


def _place(project: str | None, *references: str) -> AbstractContextManager[Project | Settings]:
    """The project whose rows are compared, or that was named; files alone have none."""
    from narrowcast.cli.state import open_project, settings

    given = settings()
    named = project or given.project or any(":" not in reference for reference in references)
    return open_project(project) if named else nullcontext(given)


def _show_groups(report: DedupeReport) -> None:
    from narrowcast.cli.output import next_step, say, table

    say(f"[bold]{report.source}[/]  {report.rows:,} rows, {len(report.groups):,} groups of duplicates")
    for kind, count in report.extra.items():
        say(f"  {kind:9} {count:,} rows repeat another one")
    if report.meaning is not None:
        say(f"  semantic: by {report.embedder}, cosine of at least {report.meaning}; look at them first")
        _name_better(report.embedder)
    say(f"  conflicts {len(report.conflicts):,} groups of exact and near-duplicates have different labels")
    largest = sorted(report.groups, key=lambda group: -len(group.rows))[:10]
    if largest:
        table(
            [("rows", "right"), "kind", ("labels", "right"), "which"],
            [
                (
                    str(len(each.rows)),
                    each.kind,
                    str(each.labels),
                    ", ".join(each.rows[:6]) + _more(each.rows),
                )
                for each in largest
            ],
        )
    for group in report.conflicts[:10]:
        say(f"  [yellow]conflict[/]  rows {', '.join(group[:8])}{_more(group, 8)}")
    if report.ledger is not None:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in report.ledger.rejected.items())
        say(
            f"  written   {report.ledger.rows_out:,} rows to {report.written}; left out: {rejected or 'none'}"
        )
        next_step(f"narrowcast data import --locator jsonl:{report.written} --auto")


def _show_leaks(audit: LeakageAudit) -> None:
    from narrowcast.cli.output import say, table

    say(f"[bold]{audit.b}[/] ({audit.rows_b:,} rows) in [bold]{audit.a}[/] ({audit.rows_a:,} rows)")
    say(f"  exact     {audit.exact:,}")
    say(f"  near      {audit.near:,}  (Jaccard similarity of at least {audit.similarity})")
    if audit.semantic is not None:
        say(
            f"  semantic  {audit.semantic:,}  (by {audit.embedder}, cosine of at least {audit.meaning}; "
            "review these before you act on them)"
        )
        _name_better(audit.embedder)
    say(f"  conflicts {audit.conflicts:,} of them have another label in A")
    if audit.leaks:
        table(
            ["row of B", "row of A", "kind", ("similarity", "right"), "label"],
            [
                (
                    each.row,
                    each.found_as,
                    each.kind,
                    f"{each.similarity:.2f}",
                    "other" if each.conflict else "",
                )
                for each in sorted(audit.leaks, key=lambda leak: -leak.similarity)[:15]
            ],
        )


def _name_better(embedder: str) -> None:
    from narrowcast.cli.output import say

    if embedder == "tfidf":
        say("            with an encoder more are found: narrowcast models pull minilm")


def _more(rows: list[str], shown: int = 6) -> str:
    return f" and {len(rows) - shown} more" if len(rows) > shown else ""
