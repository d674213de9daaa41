"""How sure a number is: percentile bootstrap over rows, and paired comparisons on the same rows.

All models measured on the same rows with the same seed share their resamples, so the difference of two
models is drawn row-paired without predicting or resampling again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.metric import Difference, MetricValue
from narrowcast.tasks.base import TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEVEL = 95.0


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Metrics with intervals, and the draws behind them.

    Attributes:
        values: point estimate and 95 % percentile interval of each metric.
        draws: metric name to an array of shape (samples,), NaN where a resample leaves it undefined.
        rows: number of rows resampled.
    """

    values: dict[str, MetricValue]
    draws: dict[str, NDArray[np.float64]]
    rows: int


def bootstrap(scores: TaskScores, *, samples: int = 1000, seed: int = 0) -> Bootstrap:
    """Resample the rows with replacement `samples` times.

    Metrics that are undefined (NaN) on the rows themselves are left out.
    """
    import numpy as np

    rows = len(scores.rows)
    names = [name for name, value in scores.metrics.items() if not math.isnan(value)]
    generator = np.random.default_rng(seed)
    table = np.full((samples, len(names)), np.nan)
    for sample in range(samples if rows else 0):
        drawn = scores.resample(generator.integers(0, rows, rows))
        table[sample] = [drawn[name] for name in names]
    draws = {name: table[:, column] for column, name in enumerate(names)}
    values = {name: _interval(scores.metrics[name], draws[name]) for name in names}
    return Bootstrap(values, draws, rows)


def paired_difference(
    first: Bootstrap, second: Bootstrap, metric: str, scores: tuple[TaskScores, TaskScores]
) -> Difference:
    """`first` − `second` on one metric.

    Args:
        first: resampled with the same seed, number of samples and rows as `second`.
        second: see `first`.
        metric: name of the metric.
        scores: what both were drawn from, rows in the same order.

    Returns:
        The difference with its interval; `p_value`, the two-sided bootstrap test (twice the smaller share
        of resamples on either side of 0, ties on both sides, one added to both counts as a finite number
        of draws demands, at most 1); and McNemar's exact test on whole rows being right.

    Raises:
        ValueError: if the rows differ.
    """
    if [row.example_id for row in scores[0].rows] != [row.example_id for row in scores[1].rows]:
        raise ValueError("a paired comparison needs the same rows in the same order")
    drawn = first.draws[metric] - second.draws[metric]
    value = first.values[metric].value - second.values[metric].value
    interval = _interval(value, drawn)
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    only_first, only_second = _discordant(scores)
    return Difference(
        metric=metric,
        value=value,
        low=interval.low,
        high=interval.high,
        p_value=min(1.0, 2 * (min(below, above) + 1) / (len(drawn) + 1)),
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test on the rows that just one of two models has right."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """The `share` quantile (0 to 1), linear between neighbours; 0 for no values."""
    import numpy as np

    return float(np.quantile(np.asarray(values), share)) if len(values) else 0.0


def _interval(value: float, drawn: NDArray[np.float64]) -> MetricValue:
    import numpy as np

    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return MetricValue(value=value, low=value, high=value)
    low, high = np.percentile(known, [50 - _LEVEL / 2, 50 + _LEVEL / 2])
    return MetricValue(value=value, low=float(low), high=float(high))


def _discordant(scores: tuple[TaskScores, TaskScores]) -> tuple[int, int]:
    pairs = [(a.correct, b.correct) for a, b in zip(scores[0].rows, scores[1].rows, strict=True)]
    return pairs.count((True, False)), pairs.count((False, True))
