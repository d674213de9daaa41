"""Gates: a bar, an interval, and one of three answers.

pass              the whole interval is on the good side
fail              the whole interval is on the bad side
not_enough_data   the interval straddles the bar, or the metric was not measured
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.core.metric import Gate, GateOutcome, MetricValue, Verdict


def judge(gate: Gate, metrics: Mapping[str, MetricValue], rows: int) -> GateOutcome:
    """Judge one gate on the interval of its metric."""
    verdict, reason = _decide(gate, metrics.get(gate.metric), rows)
    return GateOutcome(**gate.model_dump(), verdict=verdict, reason=reason)


def overall(outcomes: Sequence[GateOutcome]) -> Verdict:
    """Fail where one gate fails, else not enough data where one lacks it, else pass."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "fail" in verdicts:
        return "fail"
    return "not_enough_data" if "not_enough_data" in verdicts else "pass"


def _decide(gate: Gate, value: MetricValue | None, rows: int) -> tuple[Verdict, str]:
    if value is None or not rows:
        return "not_enough_data", f"{gate.metric} was not measured"
    low, high = _bounds(value, rows)
    sign = "≥" if gate.operator == "gte" else "≤"
    reason = f"{gate.metric} {value.value:.4g} [{low:.4g}, {high:.4g}], threshold {sign} {gate.threshold:g}"
    surely, maybe = (
        (low >= gate.threshold, high >= gate.threshold)
        if gate.operator == "gte"
        else (high <= gate.threshold, low <= gate.threshold)
    )
    if surely:
        return "pass", reason
    return ("not_enough_data", f"{reason}: more rows are needed") if maybe else ("fail", reason)


def _bounds(value: MetricValue, rows: int) -> tuple[float, float]:
    """The interval; where every row agrees, the bootstrap sees no spread and the rule of three is used.

    n rows without one exception bound the rate of exceptions by 3/n at 95 %.
    """
    if value.low == value.high == 1.0:
        return max(0.0, 1.0 - 3 / rows), 1.0
    if value.low == value.high == 0.0:
        return 0.0, min(1.0, 3 / rows)
    return value.low, value.high
