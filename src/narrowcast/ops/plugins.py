"""Third-party plug-ins of every kind, and what keeps one from being used."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

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
        )
        for registry in _registries()
        for each in registry.plugins()
    ]


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
