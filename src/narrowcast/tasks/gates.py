"""Gates: a bar, an interval, and one of three answers.

pass              the whole interval is on the good side
fail              the whole interval is on the bad side
not_enough_data   the interval straddles the bar, too few rows decide the metric, or it was not measured

Every gate must pass, so passing needs no correction for their number. That one of them fails by chance is
corrected for, and both are where several candidates are judged on the same rows (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from narrowcast.core.metric import Gate, GateOutcome, Verdict
from narrowcast.errors import UsageError
from narrowcast.tasks.bootstrap import Bootstrap
from narrowcast.tasks.intervals import Estimate
from narrowcast.tasks.spread import LEVEL

_TAIL = (1 - LEVEL) / 2


def judge(gates: Sequence[Gate], measured: Bootstrap, *, candidates: int = 1) -> list[GateOutcome]:
    """Judge the gates of one of `candidates` models on the intervals of its metrics."""
    outcomes = []
    for gate in gates:
        estimate = measured.estimates.get(gate.metric)
        verdict, reason = _decide(gate, estimate, measured.rows, candidates, len(gates) * candidates)
        outcomes.append(GateOutcome(**gate.model_dump(), verdict=verdict, reason=reason))
    return outcomes


def overall(outcomes: Sequence[GateOutcome]) -> Verdict:
    """Fail where one gate fails, else not enough data where one lacks it, else pass."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "fail" in verdicts:
        return "fail"
    return "not_enough_data" if "not_enough_data" in verdicts else "pass"


def check_metrics(gates: Sequence[Gate], known: Collection[str]) -> None:
    """Refuse a gate on a metric that the task cannot measure.

    Raises:
        UsageError: it names the metric that comes nearest, or all of them.
    """
    for gate in gates:
        if gate.metric in known:
            continue
        near = get_close_matches(gate.metric, known, n=1, cutoff=0.5)
        whole = ", ".join(name for name in known if "/" not in name)
        raise UsageError(
            f"there is no metric {gate.metric!r}" + (f"; did you mean {near[0]}?" if near else ""),
            where=f"gate {gate.gate_id}; metrics: {whole}",
            next_command="correct --gates, or the gates of evaluate in narrowcast.yaml",
        )


def _decide(
    gate: Gate, found: Estimate | None, rows: int, candidates: int, questions: int
) -> tuple[Verdict, str]:
    if found is None or not rows:
        return "not_enough_data", f"{gate.metric} was not measured"
    value = found.interval()
    sign = "≥" if gate.operator == "gte" else "≤"
    reason = f"{gate.metric} {value.value:.4g} [{value.low:.4g}, {value.high:.4g}]"
    reason += f", threshold {sign} {gate.threshold:g}"
    if found.deciding < rows:
        reason += f", decided by {found.deciding:,} of {rows:,} rows"
    if math.isnan(gate.threshold):
        return "fail", reason
    if found.too_small:
        return "not_enough_data", f"{reason}: {found.too_small}"
    above, below = found.tails(gate.threshold)
    good, bad = (above, below) if gate.operator == "gte" else (below, above)
    if good <= _TAIL / candidates:
        return "pass", reason
    if bad <= _TAIL / questions:
        return "fail", reason
    several = f", with {questions} questions asked of the same rows" if min(good, bad) <= _TAIL else ""
    return "not_enough_data", f"{reason}: more rows are needed{several}"
