"""What one generation was: its plan, its progress cell by cell, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, computed_field

from narrowcast.core.hashing import content_hash
from narrowcast.core.paths import ProjectPaths


class CellProgress(BaseModel):
    """One cell of the plan, and how far it has come."""

    name: str
    quota: int
    rows: int = Field(default=0, description="Rows that could be read; the gates have not seen them yet.")
    unreadable: int = 0
    calls: int = 0


class Spending(BaseModel):
    """What the run has cost over all its resumptions.

    Attributes:
        calls: answers this run paid for.
        stored_calls: answers used that were paid for before this process began.
        lost_calls: requests cut off by a kill or a broken line; they may have been paid, so they count
            against the caps with the most they can have cost.
        cost: by the prices given; None without prices.
    """

    calls: int = 0
    stored_calls: int = 0
    lost_calls: int = 0
    tokens: int = 0
    cost: float | None = None
    cap_tokens: int | None = None
    cap_cost: float | None = None


class GenerationRecord(BaseModel):
    """`data/generated/<id>/generation.json`."""

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Generation"] = "Generation"
    id: str
    source: Literal["teacher", "templates", "label", "file"]
    writer: str = Field(description="The teacher's model, `templates`, or the file's name.")
    options: dict[str, Any] = Field(default_factory=dict)
    prompt_sha256: str = Field(default="", description="Of the prompt's template.")
    cells: list[CellProgress] = Field(default_factory=list)
    quoted: int = Field(default=0, description="Train rows that prompts may quote.")
    rows: int = 0
    unreadable: int = 0
    rows_sha256: str = ""
    spending: Spending = Field(default_factory=Spending)
    stopped: Literal["", "cap", "samples", "gates"] = Field(
        default="",
        description="Why cells are not full: the cap, few readable rows an answer, or the gates.",
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def complete(self) -> bool:
        """True where every cell has its rows."""
        return all(cell.rows >= cell.quota for cell in self.cells)


class GenerationPaths:
    """Files of one generation."""

    def __init__(self, project: ProjectPaths, generation: str) -> None:
        self.id = generation
        self.folder: Path = generated_folder(project) / generation
        self.rows = self.folder / "rows.jsonl"
        self.record = self.folder / "generation.json"
        self.quoted = self.folder / "quoted.jsonl"
        self.judged = self.folder / "judged.jsonl"
        self.verdicts = self.folder / "gates.json"


def generated_folder(project: ProjectPaths) -> Path:
    """`data/generated`."""
    return project.root / "data" / "generated"


def call_store_path(project: ProjectPaths) -> Path:
    """Every paid answer of the project, whoever asked."""
    return generated_folder(project) / "calls.jsonl"


def generation_id(**parts: Any) -> str:
    """Short content address of everything that decides which rows are asked for."""
    return f"gen-{content_hash(parts)[:8]}"
