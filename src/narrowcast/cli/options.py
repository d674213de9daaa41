"""Commands from requests: every option is stated once, in a request model.

How to write a command:

    # ops/requests.py, or requests.py of the room: imports nothing heavy
    class PrepareRequest(StageRequest):
        \"\"\"Split the imported rows.\"\"\"

        options_model = "narrowcast.stages.prepare.options:Options"

    # cli/data.py
    @request_command
    def dedupe(request: DedupeRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
        \"\"\"Find rows that say the same.\"\"\"
        ...

The annotation of `request` names the model. Each of its fields becomes an option (its attribute docstring is
the help), and so does each option of the stage, with `--set NAME=VALUE` for those that no option can express.
The function receives a validated request; its own parameters (project, `--json`) follow those of the request.
A command that runs one stage and prints its result is a `stage_command` (`narrowcast.cli.stage`).

- `bool` is a flag; where it is true by default, or an option of a stage, it has a `--no-` form as well.
- A literal or an enum lists its choices; a list of a stage's options is separated by commas, a list of a
  request repeats its option; `dict[str, str]` repeats `NAME=VALUE`.
- `Annotated[..., CommandLine(...)]` (core/request.py) gives other names (`-l`), a metavar, a position, values
  separated by commas, or hides a field.

Values are validated by pydantic, not by typer, so that one `UsageError` names every mistake. `--help` is
drawn from `help.json`: run `python tools/help_pages.py` after a change (`narrowcast.cli.help`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

import typer
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from narrowcast.cli.parameters import CommandField, command_fields
from narrowcast.core.request import OptionsRequest
from narrowcast.core.suggest import did_you_mean
from narrowcast.errors import UsageError

ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="PROJECT",
        help="Number, slug or folder of the project; by default the current one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

_SET = inspect.Parameter(
    "set_",
    inspect.Parameter.KEYWORD_ONLY,
    default=[],
    annotation=Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set any option, with a YAML value; may be repeated."
        ),
    ],
)
_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

M = TypeVar("M", bound=BaseModel)


class RequestForm(Generic[M]):
    """A request model as the parameters of a command.

    Args:
        model: each of its fields, and each option of its stage, is a parameter.
    """

    def __init__(self, model: type[M]) -> None:
        self._model = model
        of_stage = issubclass(model, OptionsRequest)
        self._fields = command_fields(model, skip={"options"} if of_stage else set())
        self._options = model.load_options_model() if issubclass(model, OptionsRequest) else None
        taken = {each.name for each in self._fields}
        self._stage_fields = [
            each for each in command_fields(self._options, of_stage=True) if each.name not in taken
        ] if self._options else []  # fmt: skip

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """What typer reads, in the order of the help."""
        generated = [each.parameter for each in self._fields + self._stage_fields]
        return [*generated, *([_SET] if self._options else [])]

    def request(self, values: dict[str, Any]) -> M:
        """The request that was given; takes its parameters, and the context of typer, out of `values`.

        Raises:
            UsageError: names every mistake.
        """
        command = values.pop("context").command_path
        mistakes: list[str] = []
        given = _given(self._fields, values, mistakes)
        if self._options is not None:
            settings = _settings(self._options, values.pop("set_"), mistakes)
            given["options"] = {**_given(self._stage_fields, values, mistakes), **settings}
        return _validated(self._model, given, mistakes, command)


def request_command(function: Callable[..., None]) -> Callable[..., None]:
    """A command that takes its options from the model that annotates the parameter `request`."""
    hints = get_type_hints(function, include_extras=True)
    form: RequestForm[BaseModel] = RequestForm(hints["request"])

    @functools.wraps(function)
    def command(**values: Any) -> None:
        function(request=form.request(values), **values)

    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "request"
    ]
    return with_parameters(command, [*form.parameters, *own])


def with_parameters(
    command: Callable[..., None], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """The command with the parameters that typer reads, and the context, which is not of the command line."""
    parameters = [*parameters, _CONTEXT]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    del command.__wrapped__  # type: ignore[attr-defined]
    return command


def _parse_settings(settings: list[str], mistakes: list[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for pair in settings:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            mistakes.append(f"--set takes NAME=VALUE, not {pair!r}")
            continue
        try:
            parsed[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            mistakes.append(f"--set {name}: {value!r} is not valid YAML")
    return parsed


def _settings(model: type[BaseModel], settings: list[str], mistakes: list[str]) -> dict[str, Any]:
    """The values of `--set`, each checked against its field; unknown names are mistakes."""
    parsed = _parse_settings(settings, mistakes)
    for name in list(parsed):
        field = model.model_fields.get(name)
        if field is None:
            mistakes.append(f"{name}: there is no such option{did_you_mean(name, model.model_fields)}")
        else:
            _check(CommandField.of(name, field, of_stage=True), parsed[name], mistakes)
    return parsed


def _given(fields: list[CommandField], values: dict[str, Any], mistakes: list[str]) -> dict[str, Any]:
    """What the command line gave, parsed and checked, by field; takes the parameters out of `values`."""
    given: dict[str, Any] = {}
    for field in fields:
        raw = values.pop(field.name)
        if raw is None or raw == []:
            if field.required:
                mistakes.append(f"{field.label}: is required")
            continue
        try:
            parsed = field.parse(raw)
        except ValueError as error:
            mistakes.append(f"{field.label}: {error}")
            continue
        given[field.name] = _check(field, parsed, mistakes)
    return given


def _check(field: CommandField, value: Any, mistakes: list[str]) -> Any:
    """The value as its type has it; a mistake where it is none."""
    try:
        return TypeAdapter(field.type).validate_python(value)
    except ValidationError as error:
        for fault in error.errors():
            place = "".join(f" {part}" for part in fault["loc"] if isinstance(part, str))
            mistakes.append(f"{field.name}{place}: {fault['msg'].lower()}")
        return value


def _validated(model: type[M], given: dict[str, Any], mistakes: list[str], command: str) -> M:
    if not mistakes:
        try:
            return model.model_validate(given)
        except ValidationError as error:
            mistakes += [fault["msg"].removeprefix("Value error, ") for fault in error.errors()]
    raise UsageError(f"wrong options: {'; '.join(mistakes)}", where=command, next_command=f"{command} --help")
