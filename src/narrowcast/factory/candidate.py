"""A row on its way through the factory, before it is an example of the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.store.files import read_jsonl, write_jsonl


class Origin(BaseModel):
    """Where a generated row came from."""

    category: str = ""
    label: str | None = None
    difficulty: str = ""
    edge_case: str = ""
    writer: str = Field(default="", description="The teacher's model, or `templates`.")
    prompt: str = Field(default="", description="SHA-256 of the messages the teacher saw.")
    call: str = Field(default="", description="Key of the call in data/generated/calls.jsonl.")
    parents: list[str] = Field(default_factory=list, description="Ids of the rows quoted in the prompt.")
    group: str | None = Field(default=None, description="Group of the first quoted row.")
    tokens: int = Field(default=0, description="The row's share of the call's tokens.")
    cost: float | None = Field(
        default=None, description="Its share of the call's cost, where a price was given."
    )

    @property
    def cell(self) -> str:
        """As `Cell.name`; empty for rows that no plan asked for."""
        return f"{self.category} / {self.difficulty} / {self.edge_case}" if self.category else ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row, or a piece of an answer that is none (`error` says why, `raw` holds its text)."""

    index: int
    data: Any = None
    error: str | None = None
    raw: str | None = None
    origin: Origin = field(default_factory=Origin)

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        row: dict[str, Any] = {"index": self.index}
        row |= {"data": self.data} if self.error is None else {"error": self.error, "raw": self.raw}
        return {**row, "origin": self.origin.model_dump(exclude_defaults=True)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Candidate:
        """Inverse of `to_dict`."""
        origin = Origin.model_validate(value.get("origin", {}))
        return cls(value["index"], value.get("data"), value.get("error"), value.get("raw"), origin)


def read_candidates(path: Path) -> Iterator[Candidate]:
    """The rows of `data/generated/<generation>/rows.jsonl`."""
    return map(Candidate.from_dict, read_jsonl(path))


def write_candidates(path: Path, rows: Iterable[Candidate]) -> tuple[int, str]:
    """Number of rows, and the SHA-256 of the file."""
    return write_jsonl(path, (row.to_dict() for row in rows))
