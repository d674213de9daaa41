"""Rows that repeat each other, and rows that contradict each other, by name."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.hashing import content_hash
from narrowcast.duplicates.requests import ConflictsRequest
from narrowcast.pipeline.project import Project
from narrowcast.similarity.equal_texts import exact_groups
from narrowcast.similarity.examples import comparison_texts
from narrowcast.store.import_rows import accepted_rows


class NamedRow(BaseModel):
    """One of several rows with the same input."""

    id: str
    inputs: dict[str, Any]
    target: Any


class RowGroup(BaseModel):
    """Rows whose inputs are equal but for case, white space and punctuation."""

    rows: list[NamedRow]
    targets: int = Field(description="Different targets among them.")


class Conflicts(BaseModel):
    """What was found over all accepted rows."""

    rows: int
    contradictory: int = Field(description="Rows in groups with more than one target.")
    repeated: int = Field(description="Rows that say again what another one says, target included.")
    conflicts: list[RowGroup]
    repetitions: list[RowGroup]


def conflicts(project: Project, request: ConflictsRequest | None = None) -> Conflicts:
    """Compare every accepted row with every other, as `prepare` compares them."""
    show = (request or ConflictsRequest.model_validate({})).show
    rows = list(accepted_rows(project.paths))
    contradictory: list[RowGroup] = []
    repeated: list[RowGroup] = []
    repetitions = 0
    for members in exact_groups(comparison_texts(rows)) if rows else []:
        targets = {content_hash(rows[number].target) for number in members}
        group = RowGroup(
            rows=[
                NamedRow(id=rows[each].id, inputs=rows[each].inputs, target=rows[each].target)
                for each in members
            ],
            targets=len(targets),
        )
        repetitions += len(members) - len(targets)
        (contradictory if len(targets) > 1 else repeated).append(group)
    return Conflicts(
        rows=len(rows),
        contradictory=sum(len(group.rows) for group in contradictory),
        repeated=repetitions,
        conflicts=contradictory[:show],
        repetitions=repeated[:show],
    )
