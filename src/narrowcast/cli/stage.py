"""What every command of a stage does: open the project, run or preview, print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from narrowcast.cli.output import emit, say, table
from narrowcast.cli.progress import terminal_work
from narrowcast.cli.state import open_project
from narrowcast.core.request import StageRequest
from narrowcast.core.stage import StageDefinition
from narrowcast.core.work import Work
from narrowcast.pipeline.execute import StagePreview, preview_stage
from narrowcast.pipeline.project import Project

Q = TypeVar("Q", bound=StageRequest)
T = TypeVar("T")


def run_command(
    definition: StageDefinition[Any, Any, Any],
    operation: Callable[[Project, Q, Work], T],
    request: Q,
    project: str | None,
    as_json: bool,
    render: Callable[[T], None],
    *,
    plain: Callable[[T], Any] | None = None,
) -> T | None:
    """Run an operation on one stage and print its result; a dry run prints the plan.

    Args:
        definition: the stage that the request is about.
        operation: what runs it.
        request: what was asked for.
        project: as `--project` names it.
        as_json: print one JSON document.
        render: prints the result for people.
        plain: the JSON form, where that is not the result itself.

    Returns:
        The result; None of a dry run.
    """
    with open_project(project) as opened, terminal_work(as_json) as work:
        if request.dry_run:
            preview = preview_stage(opened, definition, request, work)
            emit(preview, as_json, lambda: show_preview(preview))
            return None
        result = operation(opened, request, work)
    emit(plain(result) if plain else result, as_json, lambda: render(result))
    return result


def show_preview(preview: StagePreview) -> None:
    """What a dry run says of a stage."""
    state = f"would run: {preview.reason}" if preview.runs else "is up to date"
    say(f"[bold]{preview.stage}[/] {state}; nothing was run")
    table(["option", "value"], [(name, _short(value)) for name, value in preview.options.items()])


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "auto" if value is None else str(value)
