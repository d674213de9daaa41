"""Events of a project, as tests look at them."""

from __future__ import annotations

from narrowcast.audit.event import RunEvent
from narrowcast.pipeline.project import Project


def last_run(project: Project) -> list[RunEvent]:
    """Every event of the run that wrote the last event, in order."""
    events = project.trail.events()
    return [event for event in events if event.run == events[-1].run]
