"""Requests: what an operation can be asked for, stated once for the CLI, HTTP, forms and Python.

An operation is `f(project, Request, work) -> Result`. Attribute docstrings become command-line help and the
descriptions of the JSON schema; `narrowcast.cli.options` says how a request becomes a command.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class CommandLine:
    """How a field is written on the command line, where that does not follow from its name and type.

    Given as metadata: `locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]`.
    """

    names: tuple[str, ...]
    """Names of the option; default `--` and the field's name."""
    metavar: str
    """The placeholder of the value in the help."""
    positional: bool
    """An argument instead of an option."""
    commas: bool
    """Values of one occurrence are separated by commas, as in `--map text=body,label=kind`."""
    hidden: bool
    """Not on the command line: for Python and HTTP alone."""

    def __init__(
        self,
        *names: str,
        metavar: str = "",
        positional: bool = False,
        commas: bool = False,
        hidden: bool = False,
    ) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "metavar", metavar)
        object.__setattr__(self, "positional", positional)
        object.__setattr__(self, "commas", commas)
        object.__setattr__(self, "hidden", hidden)


class Request(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class OptionsRequest(Request):
    """A request that holds options of a stage.

    A subclass names the stage's options model in `options_model`, as text, so that importing a request loads
    no stage; `model_json_schema()` then shows the options.
    """

    options_model: ClassVar[str] = ""
    """`module:class` of the stage's options."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the stage; they win over `narrowcast.yaml`."""

    @classmethod
    def load_options_model(cls) -> type[BaseModel] | None:
        """The stage's options model; None where the class names none."""
        return load(cls.options_model) if cls.options_model else None

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema of the request, with the schema of the stage's options in it."""
        reference = handler(core_schema)
        model = cls.load_options_model()
        if model is not None:
            properties = handler.resolve_ref_schema(reference)["properties"]
            given = properties["options"]
            properties["options"] = {
                "allOf": [handler(model.__pydantic_core_schema__)],
                **{name: given[name] for name in ("title", "description") if name in given},
            }
        return reference


class StageRequest(OptionsRequest):
    """Run one stage of the pipeline."""

    force: bool = False
    """Run even if nothing has changed."""
    dry_run: bool = False
    """Show what would happen; write nothing and record no event."""


class ResumableRequest(StageRequest):
    """Run a stage that can continue where it was interrupted."""

    resume: bool = False
    """Continue an interrupted run from its last checkpoint."""


def load(reference: str) -> Any:
    """The object that `module:name` stands for."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
