"""Texts of unusual length: far from the median on a logarithmic scale, in units of the median deviation."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate

# B. Iglewicz, D. Hoaglin, "How to detect and handle outliers", 1993.
_DEVIATIONS, _SCALE = 3.5, 1.4826
# In a set of nearly equal lengths every other one would be an outlier: up to three times the median is usual.
_LEAST_DEVIATION = math.log(3) / (_DEVIATIONS * _SCALE)
_LEAST_TEXTS = 20


def usual_lengths(lengths: Mapping[int, int]) -> tuple[int, int] | None:
    """Shortest and longest length that is not an outlier; None for fewer than 20 texts.

    Args:
        lengths: how many texts have each length.
    """
    if sum(lengths.values()) < _LEAST_TEXTS:
        return None
    logs = [(math.log1p(length), count) for length, count in lengths.items()]
    middle = counted_median(logs)
    deviations = ((abs(each - middle), count) for each, count in logs)
    deviation = max(counted_median(deviations), _LEAST_DEVIATION)
    reach = _DEVIATIONS * _SCALE * deviation
    shortest = math.floor(math.expm1(max(0.0, middle - reach)))
    return shortest, math.ceil(math.expm1(min(700.0, middle + reach)))


def counted_median(counted: Iterable[tuple[float, int]]) -> float:
    """The median of values with the number of times that each occurs, which is at least 1."""
    ordered = sorted(counted)
    last = list(accumulate(count for _, count in ordered))
    middle = last[-1] // 2
    upper = ordered[bisect_right(last, middle)][0]
    return upper if last[-1] % 2 else (ordered[bisect_right(last, middle - 1)][0] + upper) / 2
