"""What the gates said of a generation, and what became of its rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.stage import StageResult
from narrowcast.factory.gating import GateVerdict


class CellResult(BaseModel):
    """What a cell of the plan has after the gates."""

    name: str
    quota: int
    generated: int
    accepted: int


class GateResult(StageResult):
    """The verdicts, and the import."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    generation: str
    verdicts: list[GateVerdict]
    ledger: StageLedger
    cells: list[CellResult] = Field(default_factory=list)
    record: ImportRecord | None = None
    """The import; None in a dry run."""
    replaced: list[str] = Field(default_factory=list)
    """Former imports of the same generation whose place this one took."""
    into: str = ""
    """The split of the rows; `free` lets prepare split them."""
    notes: list[str] = Field(default_factory=list)
    """What gates could not check."""
