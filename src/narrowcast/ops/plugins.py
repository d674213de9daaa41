"""Third-party plug-ins of every kind, and what keeps one from being used."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.plugins.registry import Registry


class PluginInfo(BaseModel):
    """One entry of one plug-in."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: str
    """connector, mapper, task, predictor, embedder, gate, objective or tracker."""
    name: str
    """As commands and `narrowcast.yaml` use it."""
    distribution: str
    version: str
    target: str
    """`module:attribute` of the entry point."""
    problem: str
    """Why it cannot be used; empty where it can."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Of a gate: `--setting NAME.SETTING` → its meaning and default."""
    reasons: dict[str, str] = Field(default_factory=dict)
    """Of a mapper: why it rejects rows, beside the reasons that every mapper may give."""


def plugins() -> list[PluginInfo]:
    """Every plug-in that is installed, loaded once to see whether it can be; a broken one does not raise."""
    return [
        PluginInfo(
            kind=each.kind,
            name=each.name,
            distribution=each.origin.distribution,
            version=each.origin.version,
            target=each.origin.target,
            problem=each.problem,
            **({} if each.problem else _declared(registry, each.name)),
        )
        for registry in _registries()
        for each in registry.plugins()
    ]


def _declared(registry: Registry[Any], name: str) -> dict[str, dict[str, str]]:
    """What a gate or a mapper that can be used says of itself."""
    from narrowcast.factory.gates import GATES
    from narrowcast.factory.gates.settings import settings_help
    from narrowcast.stages.import_.mapping import MAPPERS
    from narrowcast.stages.import_.mapping.reasons import own_reasons

    settings = settings_help(GATES.get(name)) if registry is GATES else {}
    reasons = dict(own_reasons(MAPPERS.get(name))) if registry is MAPPERS else {}
    return {"settings": settings, "reasons": reasons}


def _registries() -> tuple[Registry[Any], ...]:
    from narrowcast.connectors import CONNECTORS
    from narrowcast.factory.gates import GATES
    from narrowcast.models.predictors.load import PREDICTORS
    from narrowcast.similarity.embedders import EMBEDDERS
    from narrowcast.stages.import_.mapping import MAPPERS
    from narrowcast.tasks import HANDLERS
    from narrowcast.training.objectives import OBJECTIVES
    from narrowcast.training.tracking.base import TRACKERS

    return (CONNECTORS, MAPPERS, HANDLERS, PREDICTORS, EMBEDDERS, GATES, OBJECTIVES, TRACKERS)
