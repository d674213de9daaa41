"""How sure a number is: groups of rows resampled, and paired comparisons on the same rows.

Rows of one group (a customer, a situation, near-duplicates) are alike, so groups are drawn and left out, not
rows. All models measured on the same rows with the same seed share their draws, so the difference of two
models is paired without predicting or drawing again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from narrowcast.core.metric import Difference, MetricValue
from narrowcast.tasks.base import TaskScores
from narrowcast.tasks.intervals import LEAST_GROUPS, LEAST_ROWS, Estimate, estimate, widened
from narrowcast.tasks.resampling import Resampled, resampled
from narrowcast.tasks.spread import LEVEL, design, spread, widening

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CERTAIN = 0.05  # of the rule of three: n rows without an exception bound its rate by 1 - 0.05 ** (1 / n)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Metrics with intervals, and what they rest on.

    Attributes:
        values: point estimate and 95 % interval of each metric.
        resampled: metric name to its values on other draws of the rows; parts of metrics are left out.
        rows: number of rows measured.
        groups: of shape (rows,): the number of the group of each row.
        estimates: what the intervals rest on.
    """

    values: dict[str, MetricValue]
    resampled: dict[str, Resampled]
    rows: int
    groups: NDArray[np.int64]
    estimates: dict[str, Estimate] = field(default_factory=dict)

    @property
    def group_count(self) -> int:
        """How many groups were drawn from."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0


def bootstrap(
    scores: TaskScores, *, samples: int = 1000, seed: int = 0, groups: Sequence[int] | None = None
) -> Bootstrap:
    """Draw as many groups of rows as there are, with replacement, `samples` times.

    Metrics that are undefined (NaN) on the rows themselves are left out.

    Args:
        scores: of one model.
        samples: number of draws.
        seed: of the draws; equal seeds and groups, equal draws.
        groups: by row, the number of its group, from 0 without gaps; by default each row is one of its own.
    """
    import numpy as np

    rows = len(scores.rows)
    of_row = np.arange(rows) if groups is None else np.asarray(groups, dtype=np.int64)
    names = [name for name, value in scores.metrics.items() if rows and not math.isnan(value)]
    draws = resampled(scores, names, of_row, samples, seed) if names else {}
    estimates = {
        name: estimate(
            scores.metrics[name],
            draws[name],
            scores.deciding.get(name),
            of_row,
            open_ended=name in scores.open_ended,
        )
        for name in names
    }
    values = {name: _within(each.interval(), limits_of(scores, name)) for name, each in estimates.items()}
    kept = {name: each for name, each in draws.items() if "/" not in name}
    return Bootstrap(values, kept, rows, of_row, estimates)


def limits_of(scores: TaskScores, metric: str) -> tuple[float, float]:
    """The least and the largest value that a metric can have."""
    share = metric not in scores.open_ended and 0 <= scores.metrics[metric] <= 1
    return scores.limits.get(metric, (0.0, 1.0) if share else (-math.inf, math.inf))


def _within(value: MetricValue, limits: tuple[float, float]) -> MetricValue:
    low, high = limits
    return value.model_copy(update={"low": max(value.low, low), "high": min(value.high, high)})


def paired_difference(
    first: Bootstrap, second: Bootstrap, metric: str, scores: tuple[TaskScores, TaskScores]
) -> Difference:
    """`first` − `second` on one metric.

    Args:
        first: drawn with the same seed, number of samples, rows and groups as `second`.
        second: see `first`.
        metric: name of the metric.
        scores: what both were drawn from, rows in the same order.

    Returns:
        The difference with its interval: as wide as its spread over groups and the degrees of freedom of
        that spread require (see `spread`); where no group differs, it holds the differences that this number
        of equal groups leaves possible. `p_value` is the two-sided
        bootstrap test: twice the smaller share of draws on either side of 0, one added to both counts, up to
        1; where no draw is there, Student's t. McNemar's exact test counts the groups in which just one model
        has more rows right.

    Raises:
        ValueError: if the rows differ.
    """
    import numpy as np

    if [row.example_id for row in scores[0].rows] != [row.example_id for row in scores[1].rows]:
        raise ValueError("a paired comparison needs the same rows in the same order")
    value = first.values[metric].value - second.values[metric].value
    between = first.resampled[metric].minus(second.resampled[metric])
    by = design(scores[0].deciding.get(metric), first.groups)
    seen = spread(value, between, by)
    drawn = widened(value, between.draws, seen)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (value, value)
    if low == high:
        bound = 1 - _CERTAIN ** (1 / max(by.alike, 1.0))
        low, high = value - bound, value + bound
    least = min(limits_of(each, metric)[0] for each in scores)
    largest = max(limits_of(each, metric)[1] for each in scores)
    low, high = max(low, least - largest), min(high, largest - least)
    only_first, only_second = _discordant(scores)
    return Difference(
        metric=metric,
        value=value,
        low=float(low),
        high=float(high),
        p_value=_p_value(value, drawn, seen.free),
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar(*_discordant_groups(first, scores)),
    )


def too_few_to_compare(rows: int, groups: int) -> str:
    """Why the rows or groups are too few to decide a comparison; empty where they are enough."""
    if rows < LEAST_ROWS:
        return f"{rows:,} row{'' if rows == 1 else 's'}, at least {LEAST_ROWS} are needed"
    if groups < LEAST_GROUPS:
        return f"{groups} groups of rows, at least {LEAST_GROUPS} are needed"
    return ""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values of several questions asked of the same rows, in their order."""
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, number in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[number]))
        adjusted[number] = largest
    return adjusted


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test on what just one of two models has right."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """The `share` quantile (0 to 1), linear between neighbours; 0 for no values."""
    import numpy as np

    return float(np.quantile(np.asarray(values), share)) if len(values) else 0.0


def _p_value(value: float, drawn: NDArray[np.float64], free: float) -> float:
    """Of draws that were widened for `free` degrees of freedom."""
    from scipy.special import stdtr

    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    counted = min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))
    if beyond or not len(drawn) or drawn.min() == drawn.max():
        return counted
    return min(counted, float(2 * stdtr(free, -abs(value) / float(drawn.std()) * widening(free))))


def _discordant(scores: tuple[TaskScores, TaskScores]) -> tuple[int, int]:
    pairs = [(a.correct, b.correct) for a, b in zip(scores[0].rows, scores[1].rows, strict=True)]
    return pairs.count((True, False)), pairs.count((False, True))


def _discordant_groups(first: Bootstrap, scores: tuple[TaskScores, TaskScores]) -> tuple[int, int]:
    """Groups in which the first model has more rows right, and those in which the second has."""
    import numpy as np

    lead = [int(a.correct) - int(b.correct) for a, b in zip(scores[0].rows, scores[1].rows, strict=True)]
    leads = np.bincount(first.groups, weights=lead) if lead else np.zeros(0)
    return int((leads > 0).sum()), int((leads < 0).sum())
