"""A measured number with its uncertainty, and a gate on it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Verdict = Literal["pass", "fail", "not_enough_data"]


class MetricValue(BaseModel):
    """A point estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class Difference(BaseModel):
    """First model minus second on the same rows, with its 95 % interval (paired bootstrap).

    Attributes:
        p_value: two-sided, of the paired bootstrap on the metric.
        p_adjusted: the same, corrected (Holm) for all comparisons on the same rows; None: not corrected.
        corrected_for: how many comparisons these are; None: an older version did not note it.
        only_first_right: rows that only the first has wholly right.
        only_second_right: rows that only the second has.
        mcnemar_p: exact McNemar test on the groups of rows in which just one has more rows right.
    """

    metric: str
    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float | None = None
    corrected_for: int | None = None
    only_first_right: int
    only_second_right: int
    mcnemar_p: float


class Gate(BaseModel):
    """A bar a metric must clear; judged on the interval, not on the point estimate.

    `required`: not enough data blocks the model as well; bars that the user names are required.
    """

    gate_id: str
    metric: str
    operator: Literal["gte", "lte"]
    threshold: float
    required: bool = False


class GateOutcome(BaseModel):
    """What a gate said."""

    gate_id: str
    metric: str
    operator: Literal["gte", "lte"]
    threshold: float
    required: bool = False
    verdict: Verdict
    reason: str

    @property
    def blocks(self) -> bool:
        """Whether the model may not pass on: the gate fails, or is required and lacks data."""
        return self.verdict == "fail" or (self.required and self.verdict == "not_enough_data")
