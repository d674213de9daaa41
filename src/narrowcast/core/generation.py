"""A generation: the record of one set of generated rows, the rows, and what a judge said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

_DOCUMENTED = ConfigDict(use_attribute_docstrings=True)


class Origin(BaseModel):
    """Where a generated row came from."""

    model_config = _DOCUMENTED

    category: str = ""
    label: str | None = None
    difficulty: str = ""
    edge_case: str = ""
    writer: str = ""
    """The teacher's model, `templates`, or a file's name."""
    prompt: str = ""
    """SHA-256 of the messages the teacher saw."""
    call: str = ""
    """Key of the call in data/generated/calls.jsonl."""
    parents: list[str] = Field(default_factory=list)
    """Ids of the rows quoted in the prompt."""
    group: str | None = None
    """Group of the first quoted row."""
    tokens: int = 0
    """The row's share of the call's tokens."""
    cost: float | None = None
    """The row's share of the call's cost, where prices were given."""

    @property
    def cell(self) -> str:
        """As `Cell.name`; empty for rows that no plan asked for."""
        return f"{self.category} / {self.difficulty} / {self.edge_case}" if self.category else ""


@dataclass(frozen=True, slots=True)
class GeneratedRow:
    """A row before the gates, or a piece of an answer that could not be read as one.

    Attributes:
        index: number within the generation, from 0.
        data: the row, in the form of the task's rows.
        error: why there is no row; `raw` then holds the text.
    """

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
    def from_dict(cls, value: dict[str, Any]) -> GeneratedRow:
        """Inverse of `to_dict`."""
        origin = Origin.model_validate(value.get("origin", {}))
        return cls(value["index"], value.get("data"), value.get("error"), value.get("raw"), origin)


class CellProgress(BaseModel):
    """One cell of the plan, and how far it has come."""

    model_config = _DOCUMENTED

    name: str
    quota: int
    rows: int = 0
    """Rows that could be read; the gates have not seen them yet."""
    unreadable: int = 0
    calls: int = 0


class Spending(BaseModel):
    """What a run has cost over all its resumptions."""

    model_config = _DOCUMENTED

    calls: int = 0
    """Answers this run paid for."""
    stored_calls: int = 0
    """Answers used that were paid for before this process began."""
    lost_calls: int = 0
    """Requests cut off by a kill or a broken connection. They may have been paid, so each counts against the
    caps with the most it can have cost."""
    tokens: int = 0
    cost: float | None = None
    """By the prices given; None without prices."""
    cap_tokens: int | None = None
    cap_cost: float | None = None


class GenerationRecord(BaseModel):
    """`data/generated/<id>/generation.json`."""

    model_config = _DOCUMENTED

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Generation"] = "Generation"
    id: str
    source: Literal["teacher", "templates", "label", "file"]
    writer: str
    """The teacher's model, `templates`, or the file's name."""
    options: dict[str, Any] = Field(default_factory=dict)
    prompt_sha256: str = ""
    """Of the prompt's template."""
    cells: list[CellProgress] = Field(default_factory=list)
    quoted: int = 0
    """Train rows that prompts may quote."""
    rows: int = 0
    unreadable: int = 0
    rows_sha256: str = ""
    spending: Spending = Field(default_factory=Spending)
    stopped: Literal["", "cap", "samples", "gates"] = ""
    """Why cells are not full: the cap, too few readable rows per answer, or the gates."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def complete(self) -> bool:
        """True where every cell has its rows."""
        return all(cell.rows >= cell.quota for cell in self.cells)


class Judgement(BaseModel):
    """What the judge said of one row, and what follows from it."""

    model_config = _DOCUMENTED

    index: int
    accepted: bool
    why: str = ""
    """Why it is not accepted, by the rule."""
    scores: dict[str, int] = Field(default_factory=dict)
    """Dimension of the rubric → 1 to 5."""
    total: int = 0
    decision: str = ""
    """The judge's own decision."""
    reason: str = ""
    """The judge's words."""
    fixed_row: dict[str, Any] | None = None
    """A corrected row, for a person to look at; never used unseen."""

    @property
    def rejection(self) -> str:
        """Why the row is rejected; empty where it is accepted."""
        return "" if self.accepted else self.why
