"""What an evaluation says of a trained model, kept so that every later step can say it too."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.metric import Difference, GateOutcome
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split

Standing = Literal["ahead", "lost", "failed", "undecided", "not_compared"]
"""Better than every baseline measured; worse than one; stopped by a gate; neither; without a baseline."""


class Conclusion(BaseModel):
    """Whether a model is worth shipping.

    Attributes:
        standing: in one word.
        sentence: the same with its reasons, for people.
        next: commands to continue with, the first is advised.
    """

    standing: Standing
    sentence: str
    next: list[str] = Field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """Exporting and serving the model needs `--force`."""
        return self.standing in ("lost", "failed")


class BaselineDifference(BaseModel):
    """The model minus a baseline, and what that shows."""

    against: ModelRef
    difference: Difference
    verdict: str


class RunVerdict(BaseModel):
    """`registry/verdicts/<run>.json`: the last evaluation of a trained run on test or golden rows."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    dataset_version: str
    split: Split
    n: int
    groups: int
    gates: list[GateOutcome]
    baselines: list[BaselineDifference]
    conclusion: Conclusion
    rows_drawn: str = Field(default="", description="How rows were chosen; empty where all were taken.")
    report: str = Field(description="Folder of the evaluation, relative to the project.")
    finished: str

    @property
    def blocks(self) -> bool:
        """Exporting and serving the run needs `--force`."""
        return self.conclusion.blocks
