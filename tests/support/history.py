"""History and review as tests ask for them: by keyword."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowcast.duplicates import conflicts as conflicting
from narrowcast.duplicates.conflicts import Conflicts
from narrowcast.duplicates.requests import ConflictsRequest
from narrowcast.history import diff as comparing
from narrowcast.history import forget as forgetting
from narrowcast.history import lineage as following
from narrowcast.history.diff import VersionDiff
from narrowcast.history.forget import Forgotten
from narrowcast.history.lineage import RowLineage
from narrowcast.history.requests import DiffRequest, ForgetRequest, LineageRequest
from narrowcast.pipeline.project import Project
from narrowcast.review import decide as deciding
from narrowcast.review import sources
from narrowcast.review.decide import Decided, ReviewState
from narrowcast.review.requests import Choice, DecideRequest, QueueRequest, QueueViewRequest


def conflicts(project: Project) -> Conflicts:
    """Every group."""
    return conflicting.conflicts(project, ConflictsRequest(show=None))


def diff(project: Project, a: str, b: str) -> VersionDiff:
    """Version `b` against `a`."""
    return comparing.diff(project, DiffRequest(a=a, b=b, show=20))


def lineage(project: Project, row: str) -> RowLineage:
    """The story of a row."""
    return following.lineage(project, LineageRequest(row=row))


def forget(project: Project, **fields: Any) -> Forgotten:
    """Count rows, or delete them with `delete=True`."""
    return forgetting.forget(project, ForgetRequest(**fields))


def choice(row: str, decision: Any, target: Any = None, inputs: dict[str, Any] | None = None) -> Choice:
    """A decision."""
    return Choice(id=row, decision=decision, target=target, inputs=inputs)


def decide(project: Project, choices: Sequence[Choice], reviewer: str, **fields: Any) -> Decided:
    """Keep decisions."""
    return deciding.decide(project, DecideRequest(choices=list(choices), reviewer=reviewer, **fields))


def review_state(project: Project, reviewer: str) -> ReviewState:
    """A reviewer's queue."""
    return deciding.review_state(project, QueueViewRequest(reviewer=reviewer))


def fill_queue(project: Project, source: Any, **fields: Any) -> int:
    """Rows that were added."""
    return sources.fill_queue(project, QueueRequest(source=source, **fields)).added
