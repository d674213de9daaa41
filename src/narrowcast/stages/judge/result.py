"""What the judge said of a generation."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from narrowcast.core.generation import Spending
from narrowcast.core.stage import StageResult
from narrowcast.teacher.estimate import CostEstimate


class JudgeResult(StageResult):
    """Scores, acceptances, rejections and their cost."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    generation: str
    judge: str
    """The model that scored the rows."""
    rows: int
    """Rows that pass the required gates."""
    judged: int = 0
    accepted: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    """First reason → rows rejected for it."""
    mean_scores: dict[str, float] = Field(default_factory=dict)
    """Dimension of the rubric → mean score, from 1 to 5."""
    spending: Spending = Field(default_factory=Spending)
    bound_tokens: int = 0
    """In a dry run: the most tokens the calls can use."""
    estimate: CostEstimate | None = None
    """In a dry run: what the calls may cost."""
    prompt: str = ""
    """In a dry run: the first prompt."""
    complete: bool = False
    """False where the cap left rows without a judgement, and in a dry run."""
