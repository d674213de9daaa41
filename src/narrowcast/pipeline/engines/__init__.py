"""Where a stage's `run` is executed: in this process by default. Everything around it is the runner's."""

from __future__ import annotations

from typing import Protocol

from narrowcast.core.stage import I, O, R, StageContext, StageDefinition


class Engine(Protocol):
    """Executes the body of a stage.

    The runner has the lock, has planned the stage and writes its record and events, whatever the engine. A
    cluster's engine would send inputs and options, both plain pydantic models, to another machine.
    """

    def run(self, definition: StageDefinition[I, O, R], inputs: I, options: O, context: StageContext) -> R:
        """The stage's result.

        Raises:
            Exception: whatever the stage raised.
        """


class LocalEngine:
    """In this process."""

    def run(self, definition: StageDefinition[I, O, R], inputs: I, options: O, context: StageContext) -> R:
        """Call the stage."""
        return definition.run(inputs, options, context)


LOCAL = LocalEngine()
