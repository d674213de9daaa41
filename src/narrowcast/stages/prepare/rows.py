"""Accepted rows as people reviewed them, rows that the task cannot use, and rows that end here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.row import RejectedRow
from narrowcast.store.accepted_rows import AcceptedRows
from narrowcast.store.reviews import ReviewVerdict
from narrowcast.tasks.base import TaskHandler

_REASONS = {"reject": "review_rejected", "disputed": "review_disputed"}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that ends here, by its number among the accepted ones, and why."""

    number: int
    reason: str
    detail: str = ""

    def to_dict(self, example: Example) -> dict[str, Any]:
        """The line in `data/rejected/prepare.jsonl`, of the row that has this number."""
        row = RejectedRow(example.index, self.reason, self.detail, data=example.to_dict())
        return {"source": example.source, **row.to_dict()}


class ReviewedRows:
    """Accepted rows with what people decided about them laid over.

    Args:
        accepted: the rows as they were imported.
        verdicts: by the id of a row.
        handler: of the task.
    """

    def __init__(
        self, accepted: AcceptedRows, verdicts: Mapping[str, ReviewVerdict], handler: TaskHandler
    ) -> None:
        self._accepted = accepted
        self._verdicts = verdicts
        self._handler = handler
        self.rejections: list[Rejection] = []
        """Rows that the task cannot use, then those that reviewers left out."""

    def usable(self) -> Iterator[tuple[int, Example]]:
        """Number and content of each row that can serve the task; the others become rejections."""
        unfit: list[Rejection] = []
        reviewed: list[Rejection] = []
        for number, accepted in enumerate(self._accepted):
            row, decision = self._reviewed(accepted)
            if decision in _REASONS:
                reviewed.append(Rejection(number, _REASONS[decision]))
            elif (code := self._handler.check(row)) is not None:
                unfit.append(Rejection(number, f"task_contract:{code}"))
            else:
                yield number, row
        self.rejections = [*unfit, *reviewed]

    def again(self, number: int) -> Example:
        """A row that was read before."""
        return self._reviewed(self._accepted.again(number))[0]

    def _reviewed(self, row: Example) -> tuple[Example, str]:
        verdict = self._verdicts.get(row.id) if self._verdicts else None
        if verdict is None:
            return row, ""
        if verdict.decision != "edit":
            return row, verdict.decision
        return replace(row, inputs=verdict.inputs or row.inputs, target=verdict.target), "edit"
