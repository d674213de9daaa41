"""One field of a request or of a stage's options as one parameter of the command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.request import CommandLine

_BEFORE_NAME = r",(?=\s*[A-Za-z_][\w.-]*\s*=)"
_SCALARS: dict[Any, str] = {bool: "", int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True, slots=True)
class CommandField:
    """A field, and how the command line writes it."""

    name: str
    field: FieldInfo
    form: CommandLine
    of_stage: bool
    """An option of a stage: lists are separated by commas, and `narrowcast.yaml` may give the value."""

    @classmethod
    def of(cls, name: str, field: FieldInfo, *, of_stage: bool) -> CommandField:
        """The field with the form that its metadata gives it."""
        forms = [each for each in field.metadata if isinstance(each, CommandLine)]
        return cls(name, field, forms[0] if forms else CommandLine(), of_stage)

    @property
    def type(self) -> Any:
        """The annotation with its constraints, for validation."""
        annotation: Any = self.field.annotation
        for each in self.field.metadata:
            annotation = Annotated[annotation, each]
        return annotation

    @property
    def bare(self) -> Any:
        """The type without None; None where several types remain."""
        annotation = self.field.annotation
        if get_origin(annotation) in (Union, UnionType):
            members = [each for each in get_args(annotation) if each is not NoneType]
            return members[0] if len(members) == 1 else None
        return annotation

    @property
    def is_list(self) -> bool:
        """Several values."""
        return get_origin(self.bare) in (list, tuple, set, frozenset)

    @property
    def is_pairs(self) -> bool:
        """`dict[str, str]`."""
        return get_origin(self.bare) is dict and get_args(self.bare) == (str, str)

    @property
    def is_nested(self) -> bool:
        """`dict[str, dict[str, Any]]`, each value written as `GROUP.NAME=VALUE`."""
        return get_origin(self.bare) is dict and get_args(self.bare) == (str, dict[str, Any])

    @property
    def expressible(self) -> bool:
        """Whether the command line can write it; `--set` writes the others."""
        bare = self.bare
        return not self.form.hidden and (
            bare in _SCALARS
            or get_origin(bare) is Literal
            or self.is_list
            or self.is_pairs
            or self.is_nested
            or (isinstance(bare, type) and issubclass(bare, Enum | ModelRef))
        )

    @property
    def required(self) -> bool:
        """A request needs it; a stage may have it from `narrowcast.yaml`."""
        return self.field.is_required() and not self.of_stage

    @property
    def names(self) -> tuple[str, ...]:
        """The option's names."""
        return self.form.names or ("--" + self.name.rstrip("_").replace("_", "-"),)

    @property
    def label(self) -> str:
        """What messages call it."""
        return (self.form.metavar or self.name.upper()) if self.form.positional else self.names[0]

    @property
    def repeats(self) -> bool:
        """Whether the option may be given several times."""
        listed = self.is_list and (not self.of_stage or bool(self.form.names))
        return self.is_pairs or self.is_nested or listed

    def parse(self, raw: Any) -> Any:
        """The plain value behind what typer read.

        Raises:
            ValueError: for a pair without an equals sign, or a value that is not YAML.
        """
        if self.is_nested:
            return _nested(raw)
        if self.repeats or (self.form.positional and self.is_list):
            # A comma that no name follows is part of a value: columns may be called `Weight(lbs,Sep)`.
            comma = _BEFORE_NAME if self.is_pairs else ","
            parts = [part for each in raw for part in (re.split(comma, each) if self.form.commas else [each])]
            if self.form.commas:
                parts = [part.strip() for part in parts if part.strip()]
            return dict(_pair(part, empty=not self.form.commas) for part in parts) if self.is_pairs else parts
        if self.is_list:
            return [_yaml(part) for part in str(raw).split(",") if part]
        return raw

    @property
    def parameter(self) -> inspect.Parameter:
        """The parameter that typer reads; None means that nothing was given."""
        kind: Any = bool if self.bare is bool else list[str] if self._takes_list else str
        needed = self.form.positional and self.required
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if needed else None,
            annotation=Annotated[kind | None, self._declared()],
        )

    @property
    def _takes_list(self) -> bool:
        return self.repeats or (self.form.positional and self.is_list)

    def _declared(self) -> Any:
        if self.form.positional:
            return typer.Argument(metavar=self.label, help=self._help(), show_default=False)
        names = list(self.names)
        if self.bare is bool:
            if self._has_opposite:
                names[0] += f"/--no-{names[0].removeprefix('--')}"
            return typer.Option(*names, help=self._help(), show_default=False)
        return typer.Option(*names, metavar=self._metavar(), help=self._help(), show_default=False)

    @property
    def _has_opposite(self) -> bool:
        """A flag with a `--no-` form."""
        return self.of_stage or self.field.default is True

    def _metavar(self) -> str:
        if self.form.metavar:
            return self.form.metavar
        if self.is_pairs:
            return "NAME=VALUE"
        return _SCALARS.get(self.bare, "TEXT")

    def _help(self) -> str:
        text = " ".join((self.field.description or "").split()).rstrip(".")
        if self.repeats and "repeated" not in text:
            text += "; may be repeated"
        choices, default = _choices(self.bare), self._default()
        notes = ["comma-separated"] if self.is_list and not (self.repeats or self.form.positional) else []
        notes += [f"one of {', '.join(choices)}"] if choices else []
        if self.required and not self.form.positional:  # typer says so of arguments
            notes.append("required")
        if default and "default" not in text.lower():
            notes.append(f"default: {default}")
        return f"{text}.  [{'; '.join(notes)}]" if notes else f"{text}."

    def _default(self) -> str:
        """The default as the help shows it; empty where the description has to say what happens."""
        value = None if self.field.is_required() else self.field.get_default(call_default_factory=True)
        if self.bare is bool:
            name = self.names[0].removeprefix("--")
            return name if value and self._has_opposite else f"no-{name}" if self._has_opposite else ""
        if value in (None, "", [], {}, ()):
            return ""
        if isinstance(value, list | tuple | set | frozenset):
            return ",".join(map(str, value))
        return str(value.value if isinstance(value, Enum) else value)


def command_fields(
    model: type[BaseModel], *, of_stage: bool = False, skip: Iterable[str] = ()
) -> list[CommandField]:
    """The fields of a model that the command line can write, arguments first, in the order of the model."""
    fields = [
        CommandField.of(name, field, of_stage=of_stage)
        for name, field in model.model_fields.items()
        if name not in set(skip)
    ]
    return [each for each in fields if each.expressible]


def _choices(bare: Any) -> list[str]:
    if get_origin(bare) is list:
        return _choices(get_args(bare)[0])
    if get_origin(bare) is Literal:
        return [str(choice) for choice in get_args(bare)]
    return [str(choice.value) for choice in bare] if _is_enum(bare) else []


def _is_enum(bare: Any) -> bool:
    return inspect.isclass(bare) and issubclass(bare, Enum)


def _nested(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`GROUP.NAME=VALUE` texts as groups of values, which are read as YAML."""
    groups: dict[str, dict[str, Any]] = {}
    for text in texts:
        path, value = _pair(text, empty=True)
        group, dot, name = path.partition(".")
        if not dot or not group or not name:
            raise ValueError(f"{text!r} is not GROUP.NAME=VALUE")
        groups.setdefault(group, {})[name] = _yaml(value)
    return groups


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{text!r} is not valid YAML") from error


def _pair(text: str, *, empty: bool) -> tuple[str, str]:
    """Name and value; whether a value may be empty depends on the option."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not (empty or value):
        raise ValueError(f"{text!r} is not a NAME=VALUE pair")
    return name.strip(), value
