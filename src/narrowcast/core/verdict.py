"""What an evaluation says of a trained model, kept so that every later step can say it too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.metric import Difference, GateOutcome
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split

Standing = Literal["ahead", "lost", "failed", "undecided", "not_compared", "unknown", "outdated"]
"""Better than every baseline measured; worse than one; stopped by a gate; neither; without a baseline;
trained on the measured rows or not, nobody can tell; not compared with a baseline that was measured."""

_BLOCKING = ("lost", "failed", "unknown", "outdated")


class Conclusion(BaseModel):
    """Whether a model is worth shipping.

    Attributes:
        standing: in one word.
        sentence: the same with its reasons, for people.
        next: commands to continue with, the first is advised.
        baselines: that it counts, the same model and those included that it names as not measured; None in
            files of older versions.
    """

    standing: Standing
    sentence: str
    next: list[str] = Field(default_factory=list)
    baselines: list[ModelRef] | None = None

    @property
    def blocks(self) -> bool:
        """Exporting and serving the model needs `--force`."""
        return self.standing in _BLOCKING

    def beside(
        self, measured: Collection[ModelRef], compared: Collection[ModelRef], model: ModelRef
    ) -> Conclusion:
        """What is left of it beside baselines that are measured now: `outdated` where it lacks one.

        More baselines never make up for what stops a model.

        Args:
            measured: every baseline that is measured now.
            compared: those it was compared with, where it does not say itself which it counts.
            model: that was judged.
        """
        counted = compared if self.baselines is None else self.baselines
        missing = [each for each in measured if each not in counted and each != model]
        if not missing or self.blocks:
            return self
        return Conclusion(
            standing="outdated",
            sentence=f"{model} was not compared with {', '.join(missing)}, measured on the same data set",
            next=[f"narrowcast eval {model}"],
            baselines=self.baselines,
        )


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
