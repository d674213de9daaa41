"""Accept a trail that an older copy brought back."""

from __future__ import annotations

from uuid import uuid4

from pydantic import BaseModel

from narrowcast.core.work import Work
from narrowcast.errors import DataError, UsageError
from narrowcast.ops.requests import AcceptTrailRequest
from narrowcast.pipeline.project import Project


class AcceptedTrail(BaseModel):
    """What was accepted.

    Attributes:
        event: number of the event that says so.
        end: number of the event at which the accepted trail ended.
        passed_over: number of the event that the workspace had remembered.
    """

    event: int
    end: int
    passed_over: int


def accept_trail(project: Project, request: AcceptTrailRequest, work: Work | None = None) -> AcceptedTrail:  # noqa: ARG001
    """Continue from a trail that ends before the remembered event; the chain itself must be whole.

    Raises:
        UsageError: if the trail holds the remembered event, so that there is nothing to accept.
        DataError: if something else is wrong with the trail.
        ProjectBusyError: if another process works on the project.
    """
    with project.lock("audit accept"):
        report = project.trail.verify(files=False)
        if report.intact:
            raise UsageError(
                "the trail is intact", where=project.slug, next_command="narrowcast audit verify"
            )
        others = [each for each in report.problems if not each.startswith("the workspace remembers event")]
        if others:
            raise DataError(
                f"the trail is damaged in itself: {others[0]}",
                where=str(project.paths.events),
                next_command="narrowcast audit verify",
                reason_code="system_io_error",
            )
        message = f"the older trail was accepted: {request.reason}"
        event = project.trail.accept(
            "trail_accepted", message, f"accept-{uuid4().hex[:12]}", {"reason": request.reason}
        )
    return AcceptedTrail(
        event=event.seq, end=event.payload["end"][0], passed_over=event.payload["passed_over"][0]
    )
