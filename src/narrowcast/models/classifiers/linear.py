"""A fitted linear model: tables of weights, and what it answers.

It holds what scikit-learn fitted as plain arrays. A run stores these arrays, its exported file holds the
same, and the baseline of the same kind answers by the same code, so that all three are one model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.bag import Bag
from narrowcast.models.predictors.json_answer import answer_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Answer = tuple[str, dict[str, float] | None]
"""An answer and, for a label set, its log-probabilities."""
Embed = Callable[[Sequence[str]], Any]

ENCODER = "encoder"
"""Name of the block of weights on an encoder's vectors."""
UNSEEN = math.log(1e-12)
"""Log-probability of a label without train rows: as unlikely as can be said without minus infinity."""


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """Scores of classes from the features of a text.

    Attributes:
        classes: by column of the scores.
        bags: of words or characters; each has a block of weights.
        blocks: weights of shape (features, classes), float32, by kind of bag, or `encoder`.
        bias: of shape (classes,), float32.
        several: a text may belong to several classes: those with a score above 0. Otherwise to the one with
            the highest score.
        temperature: scores are divided by it before the softmax makes probabilities of them; None where there
            are no probabilities.
    """

    classes: tuple[str, ...]
    bags: tuple[Bag, ...]
    blocks: Mapping[str, Floats]
    bias: Floats
    several: bool = False
    temperature: float | None = 1.0

    @property
    def size_bytes(self) -> int:
        """Of weights and vocabularies."""
        tables = sum(each.nbytes for each in self.blocks.values()) + self.bias.nbytes
        return tables + sum(bag.idf.nbytes + sum(map(len, bag.ngrams)) for bag in self.bags)

    def scores(self, texts: Sequence[str], embed: Embed | None = None) -> Floats:
        """Of shape (texts, classes).

        Args:
            texts: any.
            embed: the encoder's vectors of texts, of shape (texts, dimensions), where a block wants them.
        """
        import numpy as np

        scores = np.tile(self.bias, (len(texts), 1)).astype(np.float32)
        for bag in self.bags:
            table = self.blocks[bag.kind]
            for row, text in enumerate(texts):
                columns, values = bag.weights(text)
                if columns:
                    scores[row] += values @ table[columns]
        if ENCODER in self.blocks and texts:
            assert embed is not None
            scores += np.asarray(embed(texts), dtype=np.float32) @ self.blocks[ENCODER]
        return scores

    def log_probabilities(self, scores: Floats) -> Floats | None:
        """Of shape (texts, classes); None where there are none."""
        import numpy as np

        if self.several or self.temperature is None:
            return None
        # In float32 throughout, as an exported file computes it.
        scaled = scores / np.float32(self.temperature)
        shifted = scaled - scaled.max(1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))

    def answers(
        self, texts: Sequence[str], labels: Sequence[str], embed: Embed | None = None
    ) -> list[Answer]:
        """An answer to each text; of a closed set of `labels` with the log-probability of each."""
        if not texts:
            return []
        scores = self.scores(texts, embed)
        return answers_of(self.classes, scores, self.log_probabilities(scores), labels, several=self.several)


def answers_of(
    classes: Sequence[str],
    scores: Floats,
    log_probabilities: Floats | None,
    labels: Sequence[str],
    *,
    several: bool,
) -> list[Answer]:
    """The answers that a table of scores stands for, whoever computed it.

    Args:
        classes: by column of both tables.
        scores: of shape (texts, classes).
        log_probabilities: of the same shape; None where there are none.
        labels: of the task; one without train rows is as good as impossible.
        several: every class with a score above 0 is part of the answer.
    """
    if several:
        sets = [[name for name, score in zip(classes, row, strict=True) if score > 0] for row in scores]
        return [(answer_text({"labels": each}), None) for each in sets]
    best = scores.argmax(1)
    if log_probabilities is None:
        return [(classes[column], None) for column in best]
    known = [dict(zip(classes, map(float, row), strict=True)) for row in log_probabilities]
    return [
        (classes[column], {label: row.get(label, UNSEEN) for label in labels})
        for column, row in zip(best, known, strict=True)
    ]
