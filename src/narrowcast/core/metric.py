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
