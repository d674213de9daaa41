"""What a generation returns, and what its dry run shows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowcast.core.generation import CellProgress, GenerationRecord
from narrowcast.core.stage import StageResult
from narrowcast.teacher.estimate import CostEstimate


class GenerateResult(StageResult):
    """What a generation did."""

    dry_run: bool = False
    record: GenerationRecord
    path: str
    """The rows, relative to the project."""


class GeneratePreview(BaseModel):
    """What a dry run shows; nothing was sent or written."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = True
    generation: str
    writer: str
    """The teacher's model, or `templates`; empty where no teacher is set."""
    cells: list[CellProgress] = []
    quotable: int = 0
    """Train rows that prompts may quote."""
    held_out: int = 0
    """Rows that no teacher may see."""
    prompt: str = ""
    """The first prompt as it would be sent, or the first row where no teacher is asked."""
    estimate: CostEstimate | None = None
