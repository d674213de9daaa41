"""`narrowcast data versions|diff|lineage|forget|conflicts`: what data was, and where it came from."""

from __future__ import annotations

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.duplicates.requests import ConflictsRequest
from narrowcast.history.requests import DiffRequest, ForgetRequest, LineageRequest


def versions(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the data-set versions, their sources and their models."""
    from narrowcast.cli.data_history_view import show_versions
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.versions import versions as list_versions
    from narrowcast.store.first_command import before_rows

    with open_project(project) as opened:
        entries, first = list_versions(opened), before_rows(opened.paths)
    emit([each.model_dump(mode="json") for each in entries], as_json, lambda: show_versions(entries, first))


@request_command
def diff(request: DiffRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Compare the rows of two data-set versions.

    Lists rows that were added, removed, relabelled or moved between splits.
    """
    from narrowcast.cli.data_history_view import show_diff
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.diff import diff as compare

    with open_project(project) as opened:
        report = compare(opened, request)
    emit(report, as_json, lambda: show_diff(report))


@request_command
def lineage(request: LineageRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Trace one row from its source to the models trained on it.

    Shows the prompt of a generated row as well.
    """
    from narrowcast.cli.data_history_view import show_lineage
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.history.lineage import lineage as follow

    with open_project(project) as opened:
        history = follow(opened, request)
    emit(history, as_json, lambda: show_lineage(history))


@request_command
def forget(request: ForgetRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Delete rows from every copy in the project.

    Lists the models that were trained on them.
    """
    from narrowcast.cli.data_history_view import show_forgotten
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.history.forget import forget as delete

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = delete(opened, request, work)
    emit(result, as_json, lambda: show_forgotten(result))


@request_command
def conflicts(request: ConflictsRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List rows with equal inputs: contradictions and repetitions."""
    from narrowcast.cli.data_history_view import show_conflicts
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.duplicates.conflicts import conflicts as find

    if as_json:  # a document has room for every group
        request = request.model_copy(update={"show": None})
    with open_project(project) as opened:
        report = find(opened, request)
    emit(report, as_json, lambda: show_conflicts(report))
