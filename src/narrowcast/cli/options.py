"""Options stated once: a stage's `Options` model becomes typer options.

    @stage_options("narrowcast.stages.prepare:Options")
    def prepare(overrides: dict[str, Any], project: ProjectOption = None, as_json: JsonOption = False): ...

`overrides` holds what the user gave, `--set name=value` included; the ops function lays it over
`narrowcast.yaml` and validates the whole.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
import yaml
from pydantic.fields import FieldInfo

from narrowcast.errors import UsageError

ProjectOption = Annotated[
    str | None, typer.Option("--project", "-p", help="Number, slug or folder; default the one in use.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_SCALARS = (bool, int, float, str, Path)


def stage_options(reference: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option for each field of the stage's options model, and `--set`."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        module, _, attribute = reference.partition(":")
        fields: dict[str, FieldInfo] = getattr(import_module(module), attribute).model_fields
        generated = {name: _parameter(name, field) for name, field in fields.items() if _is_plain(field)}

        @functools.wraps(function)
        def command(**values: Any) -> None:
            overrides = {
                name: _value(fields[name], value)
                for name in generated
                if (value := values.pop(name)) is not None
            }
            overrides |= parse_settings(values.pop("settings"))
            function(overrides=overrides, **values)

        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(function).parameters.items()
            if name != "overrides"
        ]
        command.__signature__ = inspect.Signature([*generated.values(), _SETTINGS, *own])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in [*generated.values(), _SETTINGS, *own]}
        del command.__wrapped__
        return command

    return decorate


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """`name=value` pairs, values read as YAML.

    Raises:
        UsageError: for a pair without an equals sign.
    """
    parsed: dict[str, Any] = {}
    for pair in settings:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError("--set takes name=value", where=pair)
        parsed[name] = yaml.safe_load(value)
    return parsed


_SETTINGS = inspect.Parameter(
    "settings",
    inspect.Parameter.KEYWORD_ONLY,
    default=[],
    annotation=Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="Set any option; may be repeated.")
    ],
)


def _bare(field: FieldInfo) -> Any:
    """The field's type without None."""
    annotation = field.annotation
    members = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return members[0] if len(members) == 1 else None
    return annotation


def _is_plain(field: FieldInfo) -> bool:
    bare = _bare(field)
    return bare in _SCALARS or get_origin(bare) is Literal or _is_text_list(bare) or _is_enum(bare)


def _is_text_list(bare: Any) -> bool:
    return get_origin(bare) is list


def _is_enum(bare: Any) -> bool:
    from enum import Enum

    return inspect.isclass(bare) and issubclass(bare, Enum)


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    bare = _bare(field)
    option = "--" + name.replace("_", "-")
    help_text = (field.description or "").strip().rstrip(".")
    if get_origin(bare) is Literal:
        help_text += f" ({', '.join(str(choice) for choice in get_args(bare))})"
    elif _is_enum(bare):
        help_text += f" ({', '.join(str(choice.value) for choice in bare)})"
    elif _is_text_list(bare):
        help_text += " (comma-separated)"
    help_text += f"; default {_shown_default(field)}"
    declared = f"{option}/--no-{name.replace('_', '-')}" if bare is bool else option
    kind = bare if bare in _SCALARS else str
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, typer.Option(declared, help=help_text, show_default=False)],
    )


def _shown_default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value) or "none"
    return "auto" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _value(field: FieldInfo, value: Any) -> Any:
    if _is_text_list(_bare(field)):
        return [yaml.safe_load(part) for part in str(value).split(",") if part]
    return value
