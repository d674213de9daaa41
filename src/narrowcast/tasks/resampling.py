"""A metric on other draws of the same rows: drawn again with replacement, and with each part left out.

Rows of one group stay together. Where a task gives its metrics as functions of sums, many draws are computed
together; otherwise one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrowcast.tasks.base import Sums, TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_CELLS = 1 << 22  # of the largest table at a time: 32 MB
_MOST_UNITS = 1000  # left out one by one, where each is scored alone


@dataclass(frozen=True, slots=True)
class Resampled:
    """Values of one metric, NaN where it is undefined.

    Attributes:
        draws: of shape (samples,): on as many groups as there are, drawn with replacement.
        without_group: of shape (groups,): on all groups but one.
        without_row: of shape (rows,): on all rows but one.
    """

    draws: Floats
    without_group: Floats
    without_row: Floats

    def minus(self, other: Resampled) -> Resampled:
        """The difference of two models, resampled alike."""
        return Resampled(
            self.draws - other.draws,
            self.without_group - other.without_group,
            self.without_row - other.without_row,
        )


def resampled(
    scores: TaskScores, names: Sequence[str], groups: Ints, samples: int, seed: int
) -> dict[str, Resampled]:
    """Draw `samples` times, and leave out each group and each row, for the metrics in `names`.

    Args:
        scores: of one model, at least one row.
        names: of metrics.
        groups: of shape (rows,): the number of the group of each row, from 0 without gaps.
        samples: number of draws.
        seed: of the draws; equal seeds and groups, equal draws.
    """
    import numpy as np

    rows = np.arange(len(groups))
    score = _OneByOne(scores, names) if scores.sums is None else _AtOnce(scores.sums, names)
    draws = score.drawn(groups, samples, seed)
    without_group = score.without(groups)
    single = len(without_group) == len(rows)
    without_row = without_group if single else score.without(rows)
    return {
        name: Resampled(draws[:, column], without_group[:, column], without_row[:, column])
        for column, name in enumerate(names)
    }


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """By sums: what a draw adds up to is a product of matrices."""

    sums: Sums
    names: Sequence[str]

    def drawn(self, groups: Ints, samples: int, seed: int) -> Floats:
        import numpy as np

        parts = self._totals(groups)
        metrics = []
        for picked in _picked(parts.shape[0], samples, seed):
            counts = np.stack([np.bincount(each, minlength=parts.shape[0]) for each in picked])
            metrics.append(self._metrics((parts.T @ counts.T).T))
        return np.concatenate(metrics)

    def without(self, units: Ints) -> Floats:
        import numpy as np

        parts = self._totals(units)
        total = np.asarray(parts.sum(axis=0)).ravel()
        length = max(1, _CELLS // max(1, parts.shape[1]))
        pieces = (parts[start : start + length] for start in range(0, parts.shape[0], length))
        return np.concatenate([self._metrics(total - piece.toarray()) for piece in pieces])

    def _totals(self, units: Ints) -> Any:
        """Sums by unit, sparse."""
        import numpy as np
        from scipy.sparse import csr_array

        rows = len(units)
        belongs = csr_array((np.ones(rows), (units, np.arange(rows))), shape=(int(units.max()) + 1, rows))
        return csr_array(belongs @ csr_array(self.sums.table))

    def _metrics(self, totals: Any) -> Floats:
        import numpy as np

        metrics = self.sums.metrics(totals)
        return np.column_stack([metrics[name] for name in self.names])


@dataclass(frozen=True, slots=True)
class _OneByOne:
    """By row numbers, each draw alone."""

    scores: TaskScores
    names: Sequence[str]

    def drawn(self, groups: Ints, samples: int, seed: int) -> Floats:
        import numpy as np

        members = _members(groups)
        return np.concatenate(
            [
                self._metrics([np.concatenate([members[number] for number in each]) for each in picked])
                for picked in _picked(len(members), samples, seed)
            ]
        )

    def without(self, units: Ints) -> Floats:
        """Of many units, several are left out together, so that the time grows with the rows alone."""
        import numpy as np

        number = int(units.max()) + 1
        blocks = units if number <= _MOST_UNITS else np.random.default_rng(0).permutation(number)[units]
        blocks = blocks % _MOST_UNITS
        return self._metrics([np.flatnonzero(blocks != each) for each in range(int(blocks.max()) + 1)])

    def _metrics(self, draws: Sequence[Ints]) -> Floats:
        import numpy as np

        table = np.full((len(draws), len(self.names)), np.nan)
        for place, rows in enumerate(draws):
            metrics = self.scores.resample(rows)
            table[place] = [metrics[name] for name in self.names]
        return table


def _picked(groups: int, samples: int, seed: int) -> Iterator[Ints]:
    """Numbers of groups, of shape (draws, groups), a part of the draws at a time."""
    import numpy as np

    generator = np.random.default_rng(seed)
    length = max(1, _CELLS // groups)
    for start in range(0, samples, length):
        yield generator.integers(0, groups, (min(length, samples - start), groups))


def _members(groups: Ints) -> list[Ints]:
    """Row numbers by group."""
    import numpy as np

    order = np.argsort(groups, kind="stable")
    return np.split(order, np.cumsum(np.bincount(groups))[:-1])
