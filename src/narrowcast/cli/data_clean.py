"""`narrowcast data clean` and its companions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, stage_options

if TYPE_CHECKING:
    from narrowcast.pipeline.project import Project
    from narrowcast.stages.clean import CleanReport

LocatorOption = Annotated[str, typer.Option("--locator", "-l", help="SCHEME:PATH of the texts.")]


@stage_options("narrowcast.stages.clean.options:Options")
def clean(
    overrides: dict[str, Any],
    locator: LocatorOption,
    project: ProjectOption = None,
    base: Annotated[str | None, typer.Option(help="Base model whose tokens measure chunks.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first so many rows only.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Return at once with the id of a job to poll.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Clean texts: characters, markup, boilerplate, personal data, secrets; cut them into chunks."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project
    from narrowcast.ops.data.clean import clean_source

    opened = open_project(project)
    if background:
        _start(opened, locator, overrides, base, limit, dry_run=dry_run, as_json=as_json)
        return
    with working(as_json) as (progress, cancel):
        report = clean_source(
            opened,
            locator,
            overrides,
            base=base,
            limit=limit,
            dry_run=dry_run,
            progress=progress,
            cancel=cancel,
        )
    emit(report, as_json, lambda: show_report(report, dry_run=dry_run))


def _start(
    project: Project,
    locator: str,
    options: dict[str, Any],
    base: str | None,
    limit: int | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from narrowcast.cli.output import emit, next_step, say
    from narrowcast.errors import UsageError
    from narrowcast.ops.data.clean_job import CleanRequest, start

    if dry_run:
        raise UsageError("a dry run shows its result at once", where="--background", next_command="drop one")
    job = start(project, CleanRequest(locator=locator, options=options, base=base, limit=limit))

    def render() -> None:
        say(f"[bold]{job.id}[/] is running")
        next_step(f"narrowcast data job {job.id}")

    emit(job, as_json, render)


def job(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="As `data clean --background` printed it.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far a background job is."""
    from narrowcast.cli.output import emit, say
    from narrowcast.cli.state import open_project
    from narrowcast.ops.data.clean_job import state

    found = state(open_project(project), job_id)

    def render() -> None:
        say(f"[bold]{found.id}[/] {found.status}: {found.phase}, {found.rows:,} rows")
        if found.report:
            say(f"  report    {found.report}")
        if found.error:
            say(f"  [red]error[/]     {found.error.get('message', '')}")

    emit(found, as_json, render)


def cleanings(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List what was cleaned."""
    from narrowcast.cli.output import emit, table
    from narrowcast.cli.state import open_project
    from narrowcast.ops.data.clean import cleanings as cleaned

    reports = cleaned(open_project(project))
    rows = [
        (each.id, f"{each.ledger.rows_out:,} of {each.ledger.rows_in:,}", f"{each.chunks:,}", each.locator)
        for each in reports
    ]
    emit(
        [each.model_dump(mode="json") for each in reports],
        as_json,
        lambda: table(["id", ("rows", "right"), ("chunks", "right"), "source"], rows),
    )


def show_report(report: CleanReport, *, dry_run: bool = False) -> None:
    """What was changed, found and turned away."""
    from narrowcast.cli.output import next_step, say, table

    def counted(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"

    where = "nothing was kept" if dry_run else report.folder
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
    if not dry_run:
        next_step(f"narrowcast data import --locator jsonl:{report.folder}/cleaned.jsonl --auto")
