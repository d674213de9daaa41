"""`narrowcast call`: an operation by its name, with its request as JSON; for programs and jobs."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption

OperationArgument = Annotated[
    str | None,
    typer.Argument(metavar="OPERATION", help="Name such as data.import; without it they are listed."),
]
RequestArgument = Annotated[
    str,
    typer.Argument(
        metavar="REQUEST", help="The request as a JSON object, or - to read it from standard input."
    ),
]


def call(
    operation: OperationArgument = None,
    request: RequestArgument = "{}",
    project: ProjectOption = None,
    continue_: Annotated[
        bool, typer.Option("--continue", help="Continue what an earlier call of it has begun.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the request.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Call an operation by name; prints its result as one JSON document.

    Names, requests and results are those of the HTTP server. With --json, errors are JSON as well.
    """
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import settings
    from narrowcast.ops import operations as ops

    if operation is None:
        listed = [{"name": each.name, "summary": each.summary} for each in ops.OPERATIONS.values()]
        _print(listed)
        return
    called = ops.find_operation(operation)
    if schema:
        model = called.load_request()
        _print(model.model_json_schema() if model else {})
        return
    given = _object(sys.stdin.read() if request == "-" else request, operation)
    named = {name: str(given.pop(name)) for name in called.named if name in given}
    if continue_ and "continue_" in getattr(called.load_request(), "model_fields", {}):
        given["continue_"] = True  # other operations skip what is done, or begin again
    validated = ops.request_of(called, given)
    with terminal_work(as_json) as work:
        result = ops.call(called, settings(), project, validated, work, named)
    _print(ops.as_json(called, result))


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _object(text: str, operation: str) -> dict[str, Any]:
    from narrowcast.errors import UsageError

    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the request is not valid JSON: {error}", where=operation) from error
    if not isinstance(given, dict):
        raise UsageError("the request is not a JSON object", where=operation)
    return given
