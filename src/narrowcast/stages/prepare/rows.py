"""Rows the task cannot use, texts to compare, exact duplicates and conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.row import RejectedRow
from narrowcast.tasks.base import TaskHandler


@dataclass(frozen=True, slots=True)
class Rejection:
    """An example that ends here, and why."""

    example: Example
    reason: str
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line in `data/rejected/prepare.jsonl`."""
        example = self.example
        row = RejectedRow(example.index, self.reason, self.detail, data=example.to_dict())
        return {"source": example.source, **row.to_dict()}


def check_task(handler: TaskHandler, examples: Sequence[Example]) -> tuple[list[Example], list[Rejection]]:
    """Divide rows into those that can serve the task and those that cannot."""
    kept: list[Example] = []
    rejected: list[Rejection] = []
    for example in examples:
        code = handler.check(example)
        if code is None:
            kept.append(example)
        else:
            rejected.append(Rejection(example, f"task_contract:{code}"))
    return kept, rejected


def conflicts(examples: Sequence[Example], duplicates: Sequence[Sequence[int]]) -> list[int]:
    """Rows whose exact duplicates have another target."""
    return [
        number
        for group in duplicates
        if len({content_hash(examples[member].target) for member in group}) > 1
        for number in group
    ]
