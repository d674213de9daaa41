"""`registry/reviews.jsonl` and `registry/review_queue.jsonl`: what people decided about rows, append-only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field

from narrowcast.core.hashing import content_hash
from narrowcast.core.paths import ProjectPaths
from narrowcast.store.files import append_jsonl, read_jsonl_as

Decision = Literal["accept", "edit", "reject"]


class Review(BaseModel):
    """One decision of one person about one row; a later one of the same person replaces it."""

    id: str
    reviewer: str
    decision: Decision
    inputs: dict[str, Any] | None = Field(None, description="New inputs, where they were edited.")
    target: Any = Field(None, description="New target of an edited row.")
    note: str = ""
    time: str


class QueuedRow(BaseModel):
    """A row that waits to be looked at."""

    id: str
    why: str = Field(description="The source that put it into the queue, such as sample or rejects.")
    detail: str = ""


class ReviewVerdict(BaseModel):
    """What the reviewers of a row say together."""

    decision: Literal["accept", "edit", "reject", "disputed"]
    inputs: dict[str, Any] | None = None
    target: Any = None


def read_reviews(project: ProjectPaths) -> list[Review]:
    """Every decision, oldest first.

    Raises:
        DataError: if the file was damaged by hand.
    """
    return read_jsonl_as(project.registry / "reviews.jsonl", Review)


def append_review(project: ProjectPaths, review: Review) -> None:
    """Add one decision; it is on the disk when this returns."""
    append_jsonl(project.registry / "reviews.jsonl", review.model_dump(mode="json"))


def read_queue(project: ProjectPaths) -> list[QueuedRow]:
    """The queue in its order, decided rows included.

    Raises:
        DataError: if the file was damaged by hand.
    """
    return read_jsonl_as(project.registry / "review_queue.jsonl", QueuedRow)


def append_queue(project: ProjectPaths, rows: Iterable[QueuedRow]) -> None:
    """Add rows at the end."""
    for row in rows:
        append_jsonl(project.registry / "review_queue.jsonl", row.model_dump(mode="json"))


def latest(reviews: Iterable[Review]) -> dict[str, dict[str, Review]]:
    """Row → reviewer → that reviewer's last decision."""
    found: dict[str, dict[str, Review]] = defaultdict(dict)
    for review in reviews:
        found[review.id][review.reviewer] = review
    return dict(found)


def verdicts(reviews: Iterable[Review]) -> dict[str, ReviewVerdict]:
    """Row → what most of its reviewers say; `disputed` where no answer has more voices than every other."""
    by_row = {}
    for row_id, by_reviewer in latest(reviews).items():
        answers = {_answer(review): review for review in by_reviewer.values()}
        (first, votes), *others = Counter(map(_answer, by_reviewer.values())).most_common()
        if others and others[0][1] == votes:
            by_row[row_id] = ReviewVerdict(decision="disputed")
        else:
            best = answers[first]
            by_row[row_id] = ReviewVerdict(decision=best.decision, inputs=best.inputs, target=best.target)
    return by_row


def _answer(review: Review) -> str:
    return content_hash([review.decision, review.inputs, review.target])
