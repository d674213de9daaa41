"""Settings of gates that plug-ins bring: checked before a gate is asked, and an input of what asks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from narrowcast.errors import UsageError
from narrowcast.factory.gates import GATES
from narrowcast.factory.gates.base import ConfigurableGate, Gate, GateSettings
from narrowcast.factory.options import GateOptions


class PluginGate(BaseModel):
    """A chosen gate of a plug-in, as an input of the stages that ask it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    plugin: str
    """Its distribution and version."""
    settings: dict[str, Any]
    """With their defaults; empty where it has none."""


def plugin_gates(options: GateOptions) -> list[PluginGate]:
    """The chosen gates that plug-ins bring, with their settings, by name.

    Settings of gates that are not chosen are checked as well, so that a wrong name is not overlooked.

    Raises:
        UsageError: for wrong settings, those of all gates in one error, or settings of an unknown gate.
        PluginError: where a gate cannot be loaded.
    """
    chosen, mistakes = [], []
    for name in sorted({*options.settings, *options.optional}):
        settings, wrong = _read(name, options)
        mistakes += wrong
        origin = GATES.origin(name)
        if origin is not None and name in options.optional:
            values = settings.model_dump(mode="json") if settings else {}
            chosen.append(PluginGate(name=name, plugin=str(origin), settings=values))
    _refuse(mistakes)
    return chosen


def gate_for(name: str, options: GateOptions) -> Gate:
    """The gate of that name, with its settings.

    Raises:
        UsageError: for an unknown gate, or wrong settings.
        PluginError: where it cannot be loaded.
    """
    gate = GATES.get(name)
    if not isinstance(gate, ConfigurableGate):
        return gate
    settings, mistakes = _read(name, options)
    _refuse(mistakes)
    check = gate.check
    return lambda rows, context: check(rows, context, settings)


def settings_help(gate: Gate | ConfigurableGate[Any]) -> dict[str, str]:
    """Each setting of a gate with its meaning and default; none for a gate without settings."""
    fields = gate.settings.model_fields if isinstance(gate, ConfigurableGate) else {}
    return {name: _help(field) for name, field in fields.items()}


def merged_settings(kept: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were given win, name by name, over those of `narrowcast.yaml`."""
    settings: dict[str, Any] = dict(kept) if isinstance(kept, dict) else {}
    for gate, values in given.items():
        before = settings.get(gate)
        settings[gate] = {**before, **values} if isinstance(before, dict) else values
    return settings


def _help(field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split()).rstrip(".")
    default = field.get_default(call_default_factory=True)
    value = "required" if field.is_required() else f"default {json.dumps(default, default=str)}"
    return f"{meaning}; {value}" if meaning else value


def _read(name: str, options: GateOptions) -> tuple[GateSettings | None, list[str]]:
    """The settings of a gate, where it has any, or what is wrong with them."""
    gate, values = GATES.get(name), options.settings.get(name)
    if not isinstance(gate, ConfigurableGate):
        return None, [] if values is None else [f"the gate {name} has no settings of its own"]
    try:
        return gate.settings.model_validate(values or {}), []
    except ValidationError as error:
        return None, [
            f"{'.'.join([name, *map(str, fault['loc'])])}: {fault['msg'].lower()}" for fault in error.errors()
        ]


def _refuse(mistakes: list[str]) -> None:
    if mistakes:
        raise UsageError(
            f"wrong settings: {'; '.join(mistakes)}",
            where="settings of gate in narrowcast.yaml, or --setting",
            next_command="narrowcast plugins, which lists the settings of each gate",
            reason_code="factory_request_invalid",
        )
