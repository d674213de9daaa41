"""What measuring returns: plain numbers, each with its interval, and where the files lie."""

from __future__ import annotations

from pydantic import BaseModel, Field

from narrowcast.core.metric import Difference, GateOutcome, MetricValue, Verdict
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.core.stage import StageResult
from narrowcast.core.verdict import Conclusion

_CHANCE = 0.05


class Speed(BaseModel):
    """How long answers took on this machine. Batched models share a batch's time evenly."""

    latency_p50_ms: float
    latency_p95_ms: float
    tokens_per_second: float | None = Field(None, description="None for models that count no tokens.")
    load_seconds: float
    reused: bool = Field(False, description="Predictions and times come from an earlier run.")


class ModelResult(BaseModel):
    """One model on one split.

    Attributes:
        model: its reference.
        note: what the predictor says of itself (features, shots).
        metrics: by name, with 95 % intervals.
        breakdown: metric name to its value for each class, field or type.
        errors: answers that were none, by reason.
        gates: empty where the model is only a baseline.
        predictions: file of all answers, relative to the project.
        failures: file of the first wrong ones, relative to the report folder.
        small: by metric, why the rows are too few to decide anything by it.
        absent: labels that no measured row has; macro_f1 does not know them.
        conclusion: whether it is worth shipping; None where the model is only a baseline.
    """

    model: ModelRef
    note: str = ""
    split: Split
    n: int
    primary: str
    metrics: dict[str, MetricValue]
    breakdown: dict[str, dict[str, MetricValue]] = Field(default_factory=dict)
    errors: dict[str, int] = Field(default_factory=dict)
    gates: list[GateOutcome] = Field(default_factory=list)
    verdict: Verdict | None = None
    speed: Speed
    size_bytes: int | None = None
    predictions: str
    failures: str
    small: dict[str, str] = Field(default_factory=dict)
    absent: list[str] = Field(default_factory=list)
    conclusion: Conclusion | None = None

    @property
    def is_perfect(self) -> bool:
        """Whether no model can be better on these rows; every primary metric ends at 1."""
        return self.metrics[self.primary].value >= 1.0


class Comparison(BaseModel):
    """`model` minus `against` on the same rows.

    Attributes:
        n: rows.
        groups: groups of rows, which were resampled; None where an older version compared rows.
        too_small: why the rows are too few to decide anything; empty where they are enough.
    """

    model: ModelRef
    against: ModelRef
    n: int
    difference: Difference
    groups: int | None = None
    too_small: str = ""

    @property
    def verdict(self) -> str:
        """`better` or `worse`; `no difference shown` where the interval holds 0, or would by chance.

        `not enough data` where the rows are too few to say either.
        """
        by = self.difference
        if self.too_small:
            return "not enough data"
        by_chance = by.p_adjusted is not None and by.p_adjusted > _CHANCE
        if by_chance or by.low <= 0 <= by.high:
            return "no difference shown"
        return "better" if by.low > 0 else "worse"


class Unmeasured(BaseModel):
    """A baseline that would belong into the table.

    Attributes:
        model: its reference.
        reason: what is missing: the model on this machine, time, or a yes.
        command: what brings it.
    """

    model: ModelRef
    reason: str
    command: str = ""


class MeasureResult(StageResult):
    """What both measuring stages return.

    Attributes:
        report: folder of the report, relative to the project.
        base: the base model behind `base` and `base-few-shot`.
        rows_drawn: how rows were chosen, in words; empty where all were taken.
        groups: groups of rows that are alike, which count as one where sureness is judged; None: not counted.
        looks: how often these rows were looked at, this time included.
        results: models in the order asked for, then those compared with.
        comparisons: paired, best first.
        warnings: what a reader must know before believing the numbers.
        unmeasured: baselines that were not measured, each with why, and the command that brings it.
        baselines: of a baseline run: every baseline that was measured on this data-set version so far.
    """

    report: str
    base: str
    dataset_version: str
    split: Split
    n: int
    rows_drawn: str = ""
    groups: int | None = None
    looks: int = 0
    results: list[ModelResult]
    comparisons: list[Comparison] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    unmeasured: list[Unmeasured] = Field(default_factory=list)
    baselines: list[ModelRef] = Field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """A gate of one of the models fails, or is required and lacks data."""
        return any(gate.blocks for result in self.results for gate in result.gates)

    @property
    def verdict(self) -> Verdict:
        """The gates of all models together."""
        verdicts = {result.verdict for result in self.results}
        if "fail" in verdicts:
            return "fail"
        return "not_enough_data" if "not_enough_data" in verdicts else "pass"
