"""`narrowcast data`: look at sources, import rows, see the row ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.data_clean import clean, cleanings
from narrowcast.cli.data_factory import balance, gate, generate, judge
from narrowcast.cli.data_history import conflicts, diff, forget, lineage, versions
from narrowcast.cli.data_review import review
from narrowcast.cli.data_similar import dedupe, leakage
from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.ops.requests import ImportRequest

app = typer.Typer(
    add_completion=False, help="Clean, import, generate, review and trace rows.", no_args_is_help=True
)

app.command()(clean)
app.command()(cleanings)
app.command()(dedupe)
app.command()(leakage)
app.command()(generate)
app.command()(gate)
app.command()(judge)
app.command()(balance)

for _command in (versions, diff, lineage, forget, conflicts, review):
    app.command()(_command)

LocatorOption = Annotated[
    str,
    typer.Option(
        "--locator",
        "-l",
        metavar="SCHEME:PATH",
        help="The source, for example csv:train.csv or file:rows.parquet.",
    ),
]
LimitOption = Annotated[int | None, typer.Option(min=1, metavar="INTEGER", help="Read at most N rows.")]


@app.command()
def sources(as_json: JsonOption = False) -> None:
    """List the kinds of sources."""
    from narrowcast.cli.data_view import show_sources
    from narrowcast.cli.output import emit
    from narrowcast.ops.sources import sources as list_sources

    schemes = list_sources()
    emit(
        [each.model_dump() for each in schemes],
        as_json,
        lambda: show_sources(schemes),
    )


@app.command()
def mappers(as_json: JsonOption = False) -> None:
    """List the mappers, which turn rows into examples."""
    from narrowcast.cli.data_view import show_mappers
    from narrowcast.cli.output import emit
    from narrowcast.ops.sources import mappers as list_mappers

    mapper_list = list_mappers()
    emit([each.model_dump(mode="json") for each in mapper_list], as_json, lambda: show_mappers(mapper_list))


@app.command()
def introspect(locator: LocatorOption, limit: LimitOption = None, as_json: JsonOption = False) -> None:
    """Profile a source and propose a mapping; write nothing."""
    from narrowcast.cli.data_view import show_introspection
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import settings
    from narrowcast.core.work import Work
    from narrowcast.ops.sources import IntrospectRequest
    from narrowcast.ops.sources import introspect as introspect_source

    with working(as_json) as (progress, cancel):
        request = IntrospectRequest(locator=locator, limit=limit)
        source = introspect_source(settings(), request, Work(progress, cancel))
    emit(source, as_json, lambda: show_introspection(source))


@app.command("import")
@request_command
def import_(request: ImportRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Import a source: accept each row, or reject it with a reason."""
    from narrowcast.cli.data_view import show_dry_run, show_import, show_introspection
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.imports import ImportOutcome, import_rows
    from narrowcast.stages.import_.choose import MappingUncertainError

    try:
        with open_project(project) as opened, terminal_work(as_json) as work:
            outcome = import_rows(opened, request, work)
    except MappingUncertainError as doubt:
        if not as_json:
            show_introspection(doubt.introspection, with_next=False)
        raise
    if isinstance(outcome, ImportOutcome):
        done = outcome
        emit(done, as_json, lambda: show_import(done, opened))
    else:
        preview = outcome
        emit(preview, as_json, lambda: show_dry_run(preview))
        if preview.would_fail:
            raise typer.Exit(1)  # as the import would end


@app.command()
def imports(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the imports."""
    from narrowcast.cli.data_view import show_imports
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.ops.imports import imports as list_imports

    with open_project(project) as opened:
        records = list_imports(opened)
    emit([each.model_dump(mode="json") for each in records], as_json, lambda: show_imports(records))


@app.command()
def remove(
    import_id: Annotated[
        str, typer.Argument(metavar="IMPORT", help="Id of the import, as `narrowcast data imports` lists it.")
    ],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove an import and its rows."""
    from narrowcast.cli.output import emit, next_step, say
    from narrowcast.cli.state import open_project
    from narrowcast.ops.imports import remove_import

    with open_project(project) as opened:
        record = remove_import(opened, import_id)

    def render() -> None:
        say(f"removed [bold]{record.id}[/]: {record.accepted:,} accepted rows of {record.locator}")
        next_step("narrowcast data ledger")

    emit(record, as_json, render)


@app.command()
def ledger(
    which: Annotated[
        str | None, typer.Argument(metavar="PROJECT", help="The project, as for --project.")
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many rows each stage took in, passed on and rejected, and why."""
    from narrowcast.cli.data_view import show_ledger
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.ops.ledger import ledger as count_rows

    with open_project(which or project) as opened:
        counts = count_rows(opened)
    emit(counts, as_json, lambda: show_ledger(counts))
