"""Texts of unusual length: far from the median on a logarithmic scale, in units of the median deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

# B. Iglewicz, D. Hoaglin, "How to detect and handle outliers", 1993.
_DEVIATIONS, _SCALE = 3.5, 1.4826
# In a set of nearly equal lengths every other one would be an outlier: up to three times the median is usual.
_LEAST_DEVIATION = math.log(3) / (_DEVIATIONS * _SCALE)
_LEAST_TEXTS = 20


def usual_lengths(lengths: Sequence[int]) -> tuple[int, int] | None:
    """Shortest and longest length that is not an outlier; None for fewer than 20 texts."""
    if len(lengths) < _LEAST_TEXTS:
        return None
    logs = [math.log1p(length) for length in lengths]
    middle = median(logs)
    deviation = max(median(abs(each - middle) for each in logs), _LEAST_DEVIATION)
    reach = _DEVIATIONS * _SCALE * deviation
    shortest = math.floor(math.expm1(max(0.0, middle - reach)))
    return shortest, math.ceil(math.expm1(min(700.0, middle + reach)))
