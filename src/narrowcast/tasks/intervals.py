"""How sure one number is: exact intervals for shares, and when rows are too few to say anything.

A metric from 0 to 1 gets the exact interval (Clopper and Pearson, 1934) of a share of its effective rows: as
many independent rows as would vary as much as the resampled metric does (Korn and Graubard, 1998).
Where every row agrees, resampling sees no spread, and each group of rows counts as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.metric import MetricValue
from narrowcast.tasks.base import Deciding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEVEL = 0.95
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
        draws: of a metric that is not a share: resampled values, widened for the number of groups.
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
    value: float, draws: Floats, deciding: Deciding | None, groups: Ints, *, open_ended: bool
) -> Estimate:
    """Judge how sure a metric is.

    Args:
        value: on all rows.
        draws: on resampled groups, NaN where undefined.
        deciding: the rows that decide it; None: all of them.
        groups: of shape (rows,): the number of each row's group.
        open_ended: the metric is not a share.
    """
    import numpy as np

    known = draws[~np.isnan(draws)]
    number = len(np.unique(groups))
    parts = deciding.parts if deciding else ()
    codes, members = _memberships(deciding, len(groups))
    small, rows = _too_small(codes, parts, groups), len(np.unique(members))
    if open_ended or not len(known) or not 0 <= value <= 1 or known.min() < 0 or known.max() > 1:
        widened = value + (known - value) * widening(number, number - 1)
        return Estimate(value, 0.0, widened, small, rows)
    spread = float(known.std()) * widening(number, _freedom(_groups_by_part(codes, groups[members])))
    effective = _effective(value, spread, codes, groups[members], several=len(parts) > 1)
    return Estimate(value, effective, known, small, rows)


def _memberships(deciding: Deciding | None, rows: int) -> tuple[Ints, Ints]:
    """Which row is in which part: numbers of parts and, beside them, numbers of rows."""
    import numpy as np

    if deciding is None:
        return np.zeros(rows, dtype=np.int64), np.arange(rows)
    codes = np.asarray(deciding.codes)
    if codes.ndim == 2:
        members, parts = np.nonzero(codes)
        return parts, members
    members = np.flatnonzero(codes >= 0)
    return codes[members], members


def widening(groups: int, free: float) -> float:
    """How much wider than resampled an interval must be: few groups understate the spread (Student's t).

    Args:
        groups: number of groups resampled.
        free: degrees of freedom; from 1 to one less than the groups are used.
    """
    from scipy.stats import norm, t

    free = max(1.0, min(groups - 1, free))
    quantile = (1 + LEVEL) / 2
    return float(t.ppf(quantile, free) / norm.ppf(quantile)) * math.sqrt(groups / max(groups - 1, 1))


def _effective(value: float, spread: float, codes: Ints, groups: Ints, *, several: bool) -> float:
    """Independent rows that would vary as much; at most what equal weights of the parts leave of the rows."""
    import numpy as np

    if spread == 0 or value in (0.0, 1.0):
        return min(_harmonic(_groups_by_part(codes, groups)), float(len(np.unique(groups))))
    rows = value * (1 - value) / spread**2
    return min(rows, _harmonic(np.bincount(codes))) if several else rows


def freedom(deciding: Deciding | None, groups: Ints) -> float:
    """Degrees of freedom of a metric (Welch and Satterthwaite): few where a rare label weighs much."""
    codes, members = _memberships(deciding, len(groups))
    return _freedom(_groups_by_part(codes, groups[members]))


def _freedom(sizes: Ints) -> float:
    """From the number of groups in each part; a part of one group, whose spread is not seen, adds one."""
    import numpy as np

    if not len(sizes):
        return 1.0
    return float((1 / sizes).sum() ** 2 / (1 / sizes**2 / np.maximum(sizes - 1, 1)).sum())


def _groups_by_part(codes: Ints, groups: Ints) -> Ints:
    import numpy as np

    pairs = np.unique(np.column_stack([codes, groups]), axis=0)[:, 0]
    sizes = np.bincount(pairs)
    return sizes[sizes > 0]


def _harmonic(sizes: Ints) -> float:
    """What a mean over parts is worth: their number times their harmonic mean size."""
    sizes = sizes[sizes > 0]
    return float(len(sizes) ** 2 / (1 / sizes).sum()) if len(sizes) else 0.0


def _too_small(codes: Ints, parts: Sequence[str], groups: Ints) -> str:
    """Why the rows are too few: all of them, with their groups, or those that are in a part."""
    import numpy as np

    total, number = len(groups), len(np.unique(groups))
    if total < LEAST_ROWS:
        return f"{_rows(total)}, at least {LEAST_ROWS} are needed"
    if number < LEAST_GROUPS:
        return f"{number} group{'' if number == 1 else 's'} of rows, at least {LEAST_GROUPS} are needed"
    if not parts:
        few = len(codes) < LEAST_ROWS
        return f"{_rows(len(codes))} decide it, at least {LEAST_ROWS} are needed" if few else ""
    counts = np.bincount(codes, minlength=len(parts))
    rare = [(int(count), part) for count, part in zip(counts, parts, strict=True) if count < LEAST_CLASS_ROWS]
    if not rare:
        return ""
    names = ", ".join(f"{part} {count}" for count, part in sorted(rare)[:_SHOWN_NAMES])
    more = f" and {len(rare) - _SHOWN_NAMES} more" if len(rare) > _SHOWN_NAMES else ""
    return f"too few rows of {names}{more}; at least {LEAST_CLASS_ROWS} of each are needed"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
