"""How sure one number is: exact intervals for shares, and when rows are too few to say anything.

A metric from 0 to 1 gets the exact interval (Clopper and Pearson, 1934) of a share of its effective rows: as
many independent rows as would vary as much as the metric does over groups, fewer where that is not well
known (Korn and Graubard, 1998). Two bounds hold: rows in groups are worth at most what independent ones are
(Dean and Pagano, 2015), and at least what they would be if all rows of a group were alike. Where every row
agrees, no spread is seen, and the lower bound is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.metric import MetricValue
from narrowcast.tasks.base import Deciding
from narrowcast.tasks.resampling import Resampled
from narrowcast.tasks.spread import LEVEL, Design, Spread, design, spread, widening

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEAST_ROWS = 30
LEAST_GROUPS = 10
LEAST_CLASS_ROWS = 5
"""Below these an interval is printed, but it decides nothing."""

_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric on the rows measured.

    Attributes:
        value: the metric on all rows.
        effective: independent rows that would be as sure; 0 for a metric that is not a share.
        draws: of a metric that is not a share: resampled values, widened by what is known of their spread.
        too_small: why the rows are too few to decide anything by it; empty where they are enough.
        deciding: number of rows that decide it.
    """

    value: float
    effective: float
    draws: Floats
    too_small: str
    deciding: int

    def interval(self) -> MetricValue:
        """The 95 % interval."""
        import numpy as np

        tail = (1 - LEVEL) / 2
        if self.effective:
            low, high = exact_interval(self.value, self.effective, tail)
            return MetricValue(value=self.value, low=low, high=high)
        if not len(self.draws):
            return MetricValue(value=self.value, low=self.value, high=self.value)
        low, high = np.quantile(self.draws, [tail, 1 - tail])
        return MetricValue(value=self.value, low=float(low), high=float(high))

    def tails(self, threshold: float) -> tuple[float, float]:
        """One-sided p-values: that the true value is not above the threshold, and that it is not below."""
        from scipy.special import betainc

        if not self.effective:
            draws, size = self.draws, len(self.draws) + 1
            return (float((draws <= threshold).sum()) + 1) / size, (
                float((draws >= threshold).sum()) + 1
            ) / size
        if threshold <= 0 or threshold > 1:
            return (0.0, 1.0) if threshold <= 0 else (1.0, 0.0)
        hits, misses = self.value * self.effective, (1 - self.value) * self.effective
        above = float(betainc(hits, misses + 1, threshold)) if hits > 0 else 1.0
        below = 1 - float(betainc(hits + 1, misses, threshold)) if misses > 0 else 1.0
        return above, below


def exact_interval(share: float, rows: float, tail: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share of `rows` rows, which need not be a whole number."""
    from scipy.special import betaincinv

    hits, misses = share * rows, (1 - share) * rows
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return min(low, share), max(high, share)


def estimate(
    value: float, found: Resampled, deciding: Deciding | None, groups: Ints, *, open_ended: bool
) -> Estimate:
    """Judge how sure a metric is.

    Args:
        value: on all rows.
        found: on resampled groups and rows.
        deciding: the rows that decide it; None: all of them.
        groups: of shape (rows,): the number of each row's group.
        open_ended: the metric is not a share.
    """
    import numpy as np

    by = design(deciding, groups)
    seen = spread(value, found, by)
    small = _too_small(by, len(groups), int(np.count_nonzero(np.bincount(groups))))
    if open_ended or not 0 <= value <= 1:
        return Estimate(value, 0.0, widened(value, found.draws, seen), small, by.rows)
    return Estimate(value, _effective(value, seen, by), found.draws, small, by.rows)


def widened(value: float, draws: Floats, seen: Spread) -> Floats:
    """Draws that are as wide as the spread and what is known of it say; undefined ones left out."""
    import numpy as np

    known = draws[~np.isnan(draws)]
    width = float(known.std()) if len(known) else 0.0
    if not width:
        return known
    moved: Floats = value + (known - value) * (seen.variance**0.5 / width * widening(seen.free))
    return moved


def _effective(value: float, seen: Spread, by: Design) -> float:
    """Independent rows that would be as sure."""
    certain = value * (1 - value)
    if certain <= 0 or not seen.variance or not seen.independent:
        return by.alike
    rows = certain / seen.independent
    if by.several:
        rows = min(rows, by.apart)
    grouped = min(certain / seen.variance, rows)
    least = min(grouped, rows * by.alike / by.apart)
    # A mean over parts is not sure even of its least: a part of few groups shows little of its spread.
    unsure = widening(by.freedom(1.0)) if by.several else 1.0
    return max(grouped / widening(seen.free) ** 2, least / unsure**2)


def _too_small(by: Design, total: int, number: int) -> str:
    """Why the rows are too few: all of them, with their groups, or those that are in a part."""
    if total < LEAST_ROWS:
        return f"{_rows(total)}, at least {LEAST_ROWS} are needed"
    if number < LEAST_GROUPS:
        return f"{number} group{'' if number == 1 else 's'} of rows, at least {LEAST_GROUPS} are needed"
    if not by.parts:
        few = by.rows < LEAST_ROWS
        return f"{_rows(by.rows)} decide it, at least {LEAST_ROWS} are needed" if few else ""
    counted = zip(by.counts.tolist(), by.parts, strict=True)
    rare = [(count, part) for count, part in counted if count < LEAST_CLASS_ROWS]
    if not rare:
        return ""
    names = ", ".join(f"{part!r} ({count})" for count, part in sorted(rare)[:_SHOWN_NAMES])
    more = f" and {len(rare) - _SHOWN_NAMES} more" if len(rare) > _SHOWN_NAMES else ""
    return f"too few rows of {names}{more}; at least {LEAST_CLASS_ROWS} of each are needed"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
