"""People decide about rows: accept, edit or reject; every decision is kept with its reviewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.concerns import ROWS
from narrowcast.core.example import Example
from narrowcast.errors import UsageError
from narrowcast.history.find_row import find_id
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.review.agreement import Agreement, agreement
from narrowcast.review.requests import Choice, DecideRequest, QueueViewRequest
from narrowcast.review.rescue import rescue, rescued_ids
from narrowcast.store.import_rows import RowLookup
from narrowcast.store.reviews import (
    QueuedRow,
    Review,
    append_review,
    latest,
    read_queue,
    read_reviews,
    verdicts,
)
from narrowcast.tasks import handler_for


class ReviewItem(BaseModel):
    """A row as a reviewer sees it."""

    id: str
    why: str
    detail: str
    inputs: dict[str, Any] | None = Field(description="None where the row was rejected by its mapper.")
    target: Any = None
    record: dict[str, Any] | None = Field(description="As the source gave it.")


class ReviewState(BaseModel):
    """The queue of one reviewer, and how the reviewers agree."""

    reviewer: str
    queued: int
    decided: int = Field(description="Of the queue, by this reviewer.")
    verdicts: dict[str, int] = Field(description="What the reviewers together say of every decided row.")
    agreement: list[Agreement]
    open: list[ReviewItem]


class Decided(BaseModel):
    """What a batch of decisions did."""

    dry_run: bool
    reviewer: str
    decisions: dict[str, int]
    rescued: str | None = Field(description="Import that holds the rows brought back from the rejects.")
    state: ReviewState


def review_state(project: Project, request: QueueViewRequest | None = None) -> ReviewState:
    """The open rows of a reviewer; nobody sees what another has decided before deciding as well."""
    request, paths = request or QueueViewRequest.model_validate({}), project.paths
    reviewer = request.reviewer or project.settings.actor
    reviews, queue = read_reviews(paths), read_queue(paths)
    mine = {row for row, said in latest(reviews).items() if reviewer in said}
    waiting = [row for row in queue if row.id not in mine]
    return ReviewState(
        reviewer=reviewer,
        queued=len(queue),
        decided=len(queue) - len(waiting),
        verdicts=dict(Counter(each.decision for each in verdicts(reviews).values())),
        agreement=agreement(reviews),
        open=_items(project, waiting[: request.show]),
    )


def decide(project: Project, request: DecideRequest) -> Decided:
    """Keep decisions, all of them or none; rows accepted out of the rejects become an import.

    Raises:
        UsageError: for an edit without a usable target, or for accepting a row that is not an example yet.
        DataError: for a row that does not exist.
    """
    reviewer = request.reviewer or project.settings.actor
    lookup = RowLookup(project.paths, (choice.id for choice in request.choices))
    checked = [_checked(project, choice, lookup) for choice in request.choices]
    rescued: str | None = None
    if not request.dry_run:
        with project.lock("data review", ROWS):
            moved = rescued_ids(project.paths)
            for choice in checked:
                # A row that was brought back answers under both of its names.
                for row_id in (choice.id, *([moved[choice.id]] if choice.id in moved else [])):
                    append_review(project.paths, _review(choice, row_id, reviewer))
            rescued = rescue(project)
        _emit(project, checked, reviewer, rescued)
    return Decided(
        dry_run=request.dry_run,
        reviewer=reviewer,
        decisions=dict(Counter(choice.decision for choice in checked)),
        rescued=rescued,
        state=review_state(project, QueueViewRequest(reviewer=reviewer, show=0)),
    )


def _items(project: Project, queued: Sequence[QueuedRow]) -> list[ReviewItem]:
    lookup = RowLookup(project.paths, (row.id for row in queued))
    items = []
    for row in queued:
        example, raw = lookup.accepted(row.id), lookup.raw(row.id) or {}
        items.append(
            ReviewItem(
                id=row.id,
                why=row.why,
                detail=row.detail,
                inputs=example["inputs"] if example else None,
                target=example["target"] if example else None,
                record=raw.get("data") or ({"raw": raw["raw"]} if raw.get("raw") else None),
            )
        )
    return items


def _checked(project: Project, choice: Choice, lookup: RowLookup) -> Choice:
    if lookup.raw(choice.id) is None:
        choice = choice.model_copy(update={"id": find_id(project, choice.id)})
        lookup = RowLookup(project.paths, [choice.id])
    task = project.config.task
    stored = lookup.accepted(choice.id)
    if choice.decision == "reject" or (choice.decision == "accept" and stored is not None):
        return choice
    rejection = lookup.rejected(choice.id)
    if choice.decision == "accept" and rejection and str(rejection["reason"]).startswith("gate_"):
        return choice
    inputs = choice.inputs or (stored["inputs"] if stored else None)
    if inputs is None or choice.target is None:
        raise UsageError(
            "a row that is not an example yet needs its inputs and its target",
            where=choice.id,
            next_command=f"narrowcast data review --decide '{choice.id}=edit:"
            '{"inputs": {"text": "…"}, "target": "…"}\'',
            reason_code="dataset_request_invalid",
        )
    source, _, number = choice.id.rpartition(":")
    problem = handler_for(task).check(Example(inputs, choice.target, source, int(number))) if task else None
    if problem:
        known = f"; labels: {', '.join(task.labels[:20])}" if task and task.labels else ""
        raise UsageError(
            f"the task cannot use the edited row: {problem}",
            where=f"{choice.id}: {str(choice.target)[:80]}{known}",
            next_command="edit it again, or extend the task in narrowcast.yaml",
            reason_code="dataset_request_invalid",
        )
    return choice


def _review(choice: Choice, row_id: str, reviewer: str) -> Review:
    return Review(
        id=row_id,
        reviewer=reviewer,
        decision=choice.decision,
        inputs=choice.inputs,
        target=choice.target,
        note=choice.note,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _emit(project: Project, choices: Sequence[Choice], reviewer: str, made: str | None) -> None:
    counts = Counter(choice.decision for choice in choices)
    project.trail.emit(
        StageName.INGESTION,
        "dataset_row_reviewed",
        f"{reviewer} decided on {len(choices)} row(s)",
        payload={"reviewer": reviewer, "decisions": dict(counts), "rescued": made},
        run=made,
    )
