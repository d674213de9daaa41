"""`narrowcast data versions|diff|lineage|forget|conflicts`: what data was, and where it came from."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption

ShowOption = Annotated[int, typer.Option("--show", min=0, help="So many rows or groups of each kind.")]


def versions(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the data-set versions, their sources and the models trained on them."""
    from narrowcast.cli.data_history_view import show_versions
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.versions import versions as list_versions

    found = list_versions(open_project(project))
    emit([each.model_dump(mode="json") for each in found], as_json, lambda: show_versions(found))


def diff(
    a: Annotated[str, typer.Argument(help="The start of a version's name, or parent.")] = "parent",
    b: Annotated[str, typer.Argument(help="The start of a version's name, or current.")] = "current",
    show: ShowOption = 10,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions: rows added, removed, relabelled, moved between splits."""
    from narrowcast.cli.data_history_view import show_diff
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.diff import diff as compare

    found = compare(open_project(project), a, b, show=show)
    emit(found, as_json, lambda: show_diff(found))


def lineage(
    row: Annotated[str, typer.Argument(help="IMPORT:NUMBER, the start of a row's hash, or its exact text.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow one row: source, mapper, versions, models, and its prompt where it was generated."""
    from narrowcast.cli.data_history_view import show_lineage
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.lineage import lineage as follow

    found = follow(open_project(project), row)
    emit(found, as_json, lambda: show_lineage(found))


def forget(
    ids: Annotated[list[str] | None, typer.Option("--id", help="IMPORT:NUMBER; may be repeated.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="COLUMN=VALUE; of several, all must hold.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="A text that stands anywhere in the row.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it the rows are only counted.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; the default.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete rows from every copy the project owns; names the models that were trained on them."""
    from narrowcast.cli.data_history_view import show_forgotten
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.forget import forget as delete

    conditions = dict(_condition(each) for each in where or ())
    found = delete(
        open_project(project), ids=ids or (), where=conditions, text=text, dry_run=dry_run or not yes
    )
    emit(found, as_json, lambda: show_forgotten(found))


def conflicts(show: ShowOption = 10, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Name the rows that contradict or repeat each other: equal inputs, other answers or the same."""
    from narrowcast.cli.data_history_view import show_conflicts
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.duplicates.conflicts import conflicts as find

    found = find(open_project(project), show=None if as_json else show)
    emit(found, as_json, lambda: show_conflicts(found))


def _condition(text: str) -> tuple[str, str]:
    from narrowcast.errors import UsageError

    column, equals, value = text.partition("=")
    if not equals or not column.strip():
        raise UsageError(
            f"{text!r} is no COLUMN=VALUE pair",
            where="--where",
            next_command="for example --where customer=4711",
            reason_code="dataset_request_invalid",
        )
    return column.strip(), value
