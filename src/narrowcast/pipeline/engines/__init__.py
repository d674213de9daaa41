"""Where a stage's `run` is executed: in this process by default. Everything around it is the runner's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from narrowcast.core.stage import I, O, R, StageContext, StageDefinition


class Engine(Protocol):
    """Says what does the work of a stage.

    The runner has the lock, has planned the stage and writes its record and events, whatever the engine. A
    cluster's engine would send inputs and options, both plain pydantic models, to another machine.
    """

    def body(self, definition: StageDefinition[I, O, R]) -> Callable[[I, O, StageContext], R]:
        """What the runner calls; it returns the stage's result, and raises whatever the stage raises."""


class LocalEngine:
    """In this process."""

    def body(self, definition: StageDefinition[I, O, R]) -> Callable[[I, O, StageContext], R]:
        """The stage's own function."""
        return definition.run


LOCAL = LocalEngine()
