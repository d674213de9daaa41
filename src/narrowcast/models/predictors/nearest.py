"""The nearest train rows vote: cosine similarity of their vectors, each neighbour's vote weighted by it.

How many neighbours vote is chosen on the train rows alone, each answered by the others (leave one out).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from narrowcast.models.classifiers.linear import Answer

_COUNTS = (1, 3, 5, 10, 20)
_TRIED_ON = 2_000  # train rows that the number is chosen on
_SMOOTHING = 0.1  # added to the votes of each label, so that none has the probability 0
_BLOCK = 256  # questions compared in one product


class Nearest:
    """Fitted on vectors and their labels.

    Args:
        embed: gives the vectors of questions, a row each.
        vectors: of the train rows.
        targets: their labels; rows of a label that is not asked for have no vote.
        labels: to choose from.

    Attributes:
        count: how many neighbours vote.
    """

    def __init__(
        self,
        embed: Callable[[Sequence[str]], Any],
        vectors: Any,
        targets: Sequence[str],
        labels: Sequence[str],
    ) -> None:
        import numpy as np

        self._embed, self._labels = embed, list(labels)
        number = {label: place for place, label in enumerate(self._labels)}
        kept = [row for row, target in enumerate(targets) if target in number]
        self._vectors = unit(vectors[kept])
        self._targets = np.array([number[targets[row]] for row in kept], dtype=np.int64)
        self.count = self._chosen()

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The label with the most votes, and the shares of all."""
        found: list[Answer] = []
        for start in range(0, len(texts), _BLOCK):
            similar = unit(self._embed(texts[start : start + _BLOCK])) @ self._vectors.T
            for votes in self._votes(similar, self.count):
                best = int(votes.argmax())
                total = float(votes.sum()) + _SMOOTHING * len(self._labels)
                shares = {
                    label: math.log((float(vote) + _SMOOTHING) / total)
                    for label, vote in zip(self._labels, votes, strict=True)
                }
                found.append((self._labels[best], shares))
        return found

    def _chosen(self) -> int:
        """The number that answers most train rows rightly; of equals the smallest."""
        import numpy as np

        rows = np.arange(len(self._targets))[:: max(1, -(-len(self._targets) // _TRIED_ON))]
        right = dict.fromkeys(_COUNTS, 0)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            similar = self._vectors[block] @ self._vectors.T
            similar[np.arange(len(block)), block] = -np.inf  # not by itself
            for count in _COUNTS:
                answers = self._votes(similar, count).argmax(axis=1)
                right[count] += int((answers == self._targets[block]).sum())
        return max(_COUNTS, key=lambda count: (right[count], -count))

    def _votes(self, similar: Any, count: int) -> Any:
        """Votes of shape (questions, labels)."""
        import numpy as np

        count = min(count, similar.shape[1])
        nearest = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        weights = np.clip(np.take_along_axis(similar, nearest, axis=1), 0.0, None)
        votes = np.zeros((len(similar), len(self._labels)))
        np.add.at(votes, (np.arange(len(similar))[:, None], self._targets[nearest]), weights)
        return votes


def unit(vectors: Any) -> Any:
    """The rows of a matrix, each with length 1; of zeros, zeros."""
    import numpy as np

    return vectors / np.clip(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12, None)
