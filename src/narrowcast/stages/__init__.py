"""The rooms, in the order of the way of the data. A stage is a `StageDefinition` called `STAGE`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from narrowcast.core.stage import StageDefinition

# Stages of the pipeline, in order, as dotted names so that heavy libraries load only when a stage runs.
PIPELINE = {
    "prepare": "narrowcast.stages.prepare",
    "baseline": "narrowcast.stages.baseline",
    "train": "narrowcast.stages.train",
    "evaluate": "narrowcast.stages.evaluate",
    "export": "narrowcast.stages.export",
    "verify": "narrowcast.stages.verify",
}


def stage(name: str) -> StageDefinition[Any, Any, Any]:
    """The definition of a pipeline stage."""
    definition: StageDefinition[Any, Any, Any] = import_module(PIPELINE[name]).STAGE
    return definition
