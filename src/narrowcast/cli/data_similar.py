"""`narrowcast data dedupe` and `narrowcast data leakage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from narrowcast.duplicates.dedupe import DedupeReport
    from narrowcast.duplicates.leakage import LeakageAudit
    from narrowcast.pipeline.project import Project

ColumnOption = Annotated[str | None, typer.Option(help="Column of a source with the text.")]
LabelOption = Annotated[str | None, typer.Option(help="Column of a source with the label.")]
SimilarityOption = Annotated[
    float, typer.Option(min=0.05, max=1.0, help="From where on texts are near-duplicates (Jaccard).")
]
EmbedderOption = Annotated[
    str, typer.Option("--embedder", help="What compares meanings: tfidf, model2vec:FOLDER, or none.")
]
MeaningOption = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="From where on texts say the same (cosine).")
]


def dedupe(
    locator: Annotated[
        str, typer.Option("--locator", "-l", help="SCHEME:PATH, a split, or accepted: all imported rows.")
    ] = "accepted",
    project: ProjectOption = None,
    column: ColumnOption = None,
    label: LabelOption = None,
    similarity: SimilarityOption = 0.8,
    by: EmbedderOption = "none",
    meaning: MeaningOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the source without its repetitions to this JSONL file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing in spite of --output.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Group rows that say the same, exactly, nearly or in other words, and list those that contradict."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.duplicates.dedupe import dedupe as find_duplicates

    with working(as_json) as (progress, cancel):
        report = find_duplicates(
            locator,
            lambda: open_project(project),
            column=column,
            label=label,
            similarity=similarity,
            by=by,
            meaning=meaning,
            output=None if dry_run else output,
            audited=None if dry_run else _audited(project, locator),
            progress=progress,
            cancel=cancel,
        )
    emit(report, as_json, lambda: _show_groups(report))


def leakage(
    a: Annotated[str, typer.Argument(metavar="A", help="Where to search: SCHEME:PATH or a split.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Whose rows should not be there.")],
    project: ProjectOption = None,
    column: ColumnOption = None,
    label: LabelOption = None,
    similarity: SimilarityOption = 0.8,
    by: EmbedderOption = "tfidf",
    meaning: MeaningOption = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 3 where rows leak exactly or nearly.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for the rows of B in A: exactly, nearly, in other words. Writes nothing."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.duplicates.leakage import leakage as find_leaks

    with working(as_json) as (progress, cancel):
        audit = find_leaks(
            a,
            b,
            lambda: open_project(project),
            column=column,
            label=label,
            similarity=similarity,
            by=by,
            meaning=meaning,
            audited=_audited(project, a, b),
            progress=progress,
            cancel=cancel,
        )
    emit(audit, as_json, lambda: _show_leaks(audit))
    if gate and audit.exact + audit.near:
        raise typer.Exit(3)


def _audited(project: str | None, *references: str) -> Project | None:
    """The project that is told: the one whose rows are compared, or that was named; files alone have none."""
    from narrowcast.cli.state import open_project, settings

    named = project or settings().project or any(":" not in reference for reference in references)
    return open_project(project) if named else None


def _show_groups(report: DedupeReport) -> None:
    from narrowcast.cli.output import next_step, say, table

    say(f"[bold]{report.source}[/]  {report.rows:,} rows, {len(report.groups):,} groups of two and more")
    for kind, count in report.extra.items():
        say(f"  {kind:9} {count:,} rows repeat another one")
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
    say(f"  near      {audit.near:,}  (Jaccard {audit.similarity} and more)")
    if audit.semantic is not None:
        say(f"  semantic  {audit.semantic:,}  (by {audit.embedder}; look at them, words are not meaning)")
    say(f"  conflicts {audit.conflicts:,} of them have another label there")
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


def _more(rows: list[str], shown: int = 6) -> str:
    return f" and {len(rows) - shown} more" if len(rows) > shown else ""
