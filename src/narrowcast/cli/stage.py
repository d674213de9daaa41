"""Commands that run one stage: open the project, run the operation or say what a dry run would do, print."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, RequestForm, with_parameters
from narrowcast.core.request import StageRequest, load

if TYPE_CHECKING:
    from narrowcast.pipeline.execute import StagePreview

T = TypeVar("T")

_OWN = [
    inspect.Parameter("project", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ProjectOption),
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption),
]


def stage_command(
    model: type[StageRequest],
    operation: str,
    stage: str,
    *,
    plain: Callable[[T], Any] | None = None,
    code: Callable[[T], int] | None = None,
) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """A command that runs a stage, from the function that prints the stage's result for people.

    Args:
        model: the request.
        operation: `module:function`, loaded when the command runs.
        stage: `module:STAGE`, for dry runs.
        plain: the JSON form of a result; None prints the result itself.
        code: the exit code of a result; None: always 0.
    """
    form = RequestForm(model)

    def decorate(render: Callable[[T], None]) -> Callable[..., None]:
        @functools.wraps(render)
        def command(**values: Any) -> None:
            from narrowcast.cli.output import emit
            from narrowcast.cli.progress import terminal_work
            from narrowcast.cli.state import open_project
            from narrowcast.pipeline.execute import preview_stage

            request, as_json = form.request(values), values["as_json"]
            with open_project(values["project"]) as opened, terminal_work(as_json) as work:
                if request.dry_run:
                    preview = preview_stage(opened, load(stage), request, work)
                    emit(preview, as_json, lambda: _show_preview(preview))
                    return
                result = load(operation)(opened, request, work)
            emit(plain(result) if plain else result, as_json, lambda: render(result))
            if code is not None and code(result):
                raise typer.Exit(code(result))

        return with_parameters(command, [*form.parameters, *_OWN])

    return decorate


def _show_preview(preview: StagePreview) -> None:
    from narrowcast.cli.output import next_step, say, table

    state = f"would run: {preview.reason}" if preview.runs else "is up to date"
    say(f"[bold]{preview.stage}[/] {state}; nothing was run")
    if preview.outcome is not None:
        rows = preview.outcome.model_dump(mode="json", exclude={"forecast"})
        forecast = getattr(preview.outcome, "forecast", None)
        if forecast is not None:
            say(f"  forecast  {forecast.sentence}")
        table(["of the result", "value"], [(name, _plain(value)) for name, value in rows.items() if value])
    table(["option", "value"], [(name, _short(value)) for name, value in preview.options.items()])
    if preview.runs:
        next_step("the same command without --dry-run")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "auto" if value is None else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return _short(value)
