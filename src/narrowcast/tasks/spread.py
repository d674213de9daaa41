"""How much a metric would vary on other rows, where rows come in groups, and how well that is known.

The variance is that of the jackknife over groups, which few and uneven groups make too large rather than too
small (CV3 of MacKinnon, Nielsen and Webb, 2023). How well it is known is said in degrees of freedom, the
smaller of two:

- By the values themselves: a variance that a few of the groups make up is known as badly as that of so few
  (moments: Satterthwaite, 1946; for sandwich variances Pan and Wall, 2002), with the unbiased kurtosis
  (Joanes and Gill, 1998), since few values understate theirs.
- By the sizes: a group that holds much of the rows counts for more than another (Bell and McCaffrey, 2002;
  Carter, Schnepel and Steigerwald, 2017). How much, follows from how alike the rows of a group are, and that
  is the largest likeness that the variance and its degrees of freedom allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.tasks.base import Deciding
from narrowcast.tasks.resampling import Resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEVEL = 0.95
# Relative to the metric: sums of equal fractions differ by less, though nothing varies.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one metric, or of a difference.

    Attributes:
        variance: over groups.
        independent: what it would be if the rows were independent of each other.
        free: degrees of freedom of `variance`, at least 1.
    """

    variance: float
    independent: float
    free: float


@dataclass(frozen=True, slots=True)
class Design:
    """The rows that decide a metric, by part (label) and group.

    Attributes:
        part: of shape (cells,): the part of each cell, a pair of part and group that has rows.
        size: of shape (cells,): its number of rows.
        parts: names of the parts, whose mean the metric is; empty where it is another.
        counts: of shape (parts,): rows of each part.
        rows: number of rows that decide the metric.
        groups: number of groups that they are in.
    """

    part: Ints
    size: Ints
    parts: tuple[str, ...]
    counts: Ints
    rows: int
    groups: int

    @property
    def several(self) -> bool:
        """Whether the metric is a mean over more than one part."""
        return len(self.parts) > 1

    @property
    def apart(self) -> float:
        """Rows that a mean over parts is worth, were they independent: its parts weigh the same."""
        return _harmonic(self.counts[self.counts > 0])

    @property
    def alike(self) -> float:
        """The same, were the rows of each group wholly alike."""
        return min(_harmonic(self._kish(1.0)), float(self.groups))

    def freedom(self, likeness: float) -> float:
        """Degrees of freedom by the sizes of the groups.

        A part that is in one group, whose spread is not seen, has one (as in Welch's test).

        Args:
            likeness: correlation of the rows of a group, from 0 to 1.
        """
        import numpy as np

        if not len(self.size):
            return 1.0
        weight = self._weights(likeness)
        within = self._by_part(weight) ** 2 / self._by_part(weight**2) - 1
        variance = 1 / self._kish(likeness)
        return float(variance.sum() ** 2 / (variance**2 / np.maximum(within, 1)).sum())

    def _weights(self, likeness: float) -> Floats:
        """What each cell adds to the variance of its part."""
        return self.size * (1 + (self.size - 1) * likeness)

    def _kish(self, likeness: float) -> Floats:
        """By part: the number of independent rows that would be as sure (Kish, 1965)."""
        return self._by_part(self.size) ** 2 / self._by_part(self._weights(likeness))

    def _by_part(self, values: Floats | Ints) -> Floats:
        import numpy as np

        sums = np.bincount(self.part, values).astype(np.float64)
        found: Floats = sums[sums > 0]
        return found


def design(deciding: Deciding | None, groups: Ints) -> Design:
    """Count the rows of a metric by part and group.

    Args:
        deciding: the rows that decide the metric; None: all of them.
        groups: of shape (rows,): the number of each row's group.
    """
    import numpy as np

    codes, members = _memberships(deciding, len(groups))
    parts = deciding.parts if deciding else ()
    count = int(groups.max()) + 1 if len(groups) else 1
    cells, size = np.unique(codes * count + groups[members], return_counts=True)
    return Design(
        part=cells // count,
        size=size,
        parts=parts,
        counts=np.bincount(codes, minlength=len(parts)),
        rows=int(np.count_nonzero(np.bincount(members))),
        groups=int(np.count_nonzero(np.bincount(cells % count))),
    )


def spread(value: float, found: Resampled, by: Design) -> Spread:
    """The spread of a metric whose value on all rows is `value`."""
    variance, independent = _jackknife(value, found.without_group), _jackknife(value, found.without_row)
    moments = _moment_freedom(found.without_group)
    most = by.apart / by.alike if by.alike else 1.0
    likeness = 0.0
    if independent > 0 and most > 1:
        effect = variance / independent * widening(moments) ** 2
        likeness = min(1.0, max(0.0, (effect - 1) / (most - 1)))
    return Spread(variance, independent, max(1.0, min(moments, by.freedom(likeness))))


def widening(free: float) -> float:
    """How much wider than a normal interval one must be whose spread has `free` degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    quantile = (1 + LEVEL) / 2
    return float(stdtrit(max(1.0, free), quantile) / ndtri(quantile))


def _jackknife(value: float, without: Floats) -> float:
    """Variance from the values on all units but one."""
    import numpy as np

    known = without[~np.isnan(without)]
    if len(known) < 2:
        return 0.0
    moved = known - value
    moved[np.abs(moved) <= _ROUNDING * max(1.0, abs(value))] = 0.0
    return float((len(known) - 1) / len(known) * (moved**2).sum())


def _moment_freedom(without: Floats) -> float:
    """Degrees of freedom of a variance, from the unbiased kurtosis of its values."""
    import numpy as np

    known = without[~np.isnan(without)]
    number = len(known)
    squares = (known - known.mean()) ** 2 if number else known
    if number < 4 or not squares.any():
        return float(max(number - 1, 1))
    squares = squares / squares.max()  # those of tiny values have no squares
    excess = float((squares**2).mean() / squares.mean() ** 2) - 3
    unbiased = (number - 1) / ((number - 2) * (number - 3)) * ((number + 1) * excess + 6)
    return 2 / (2 / (number - 1) + max(unbiased, 0.0) / number)


def _harmonic(sizes: Floats | Ints) -> float:
    """What a mean over parts is worth: their number times their harmonic mean size."""
    return float(len(sizes) ** 2 / (1 / sizes).sum()) if len(sizes) else 0.0


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
