"""A measured number with its uncertainty, and a gate on it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Verdict = Literal["pass", "fail", "not_enough_data"]


class MetricValue(BaseModel):
    """A point estimate with its bootstrap interval (95 %, percentile)."""

    value: float
    low: float
    high: float


class Difference(BaseModel):
    """First model minus second on the same rows, with its 95 % interval (paired bootstrap).

    Attributes:
        p_value: two-sided, of the paired bootstrap on the metric.
        only_first_right: rows that only the first has wholly right.
        only_second_right: rows that only the second has.
        mcnemar_p: exact McNemar test on those two counts.
    """

    metric: str
    value: float
    low: float
    high: float
    p_value: float
    only_first_right: int
    only_second_right: int
    mcnemar_p: float


class Gate(BaseModel):
    """A bar a metric must clear; judged on the interval, not on the point estimate."""

    gate_id: str
    metric: str
    operator: Literal["gte", "lte"]
    threshold: float


class GateOutcome(BaseModel):
    """What a gate said."""

    gate_id: str
    metric: str
    operator: Literal["gte", "lte"]
    threshold: float
    verdict: Verdict
    reason: str
