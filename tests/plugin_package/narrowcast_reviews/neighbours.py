"""`neighbours:K`: the most frequent answer of the K train rows that share the most words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.models.predictors.baseline import Answer, FittedPredictor, training_pairs


def load(context: PredictorContext, argument: str) -> FittedPredictor:
    """Fit on the rows of the train split; no other row is ever within reach."""
    count = _count(argument)
    known = [(set(pair.text.lower().split()), pair.target) for pair in training_pairs(context)]

    def answer(texts: Sequence[str]) -> list[Answer]:
        return [(_nearest(text, known, count), None) for text in texts]

    return FittedPredictor(f"neighbours:{argument}", answer)


def _nearest(text: str, known: Sequence[tuple[set[str], str]], count: int) -> str:
    words = set(text.lower().split())
    ranked = sorted(known, key=lambda row: len(words & row[0]) / len(words | row[0]), reverse=True)
    return Counter(target for _, target in ranked[:count]).most_common(1)[0][0]


def _count(argument: str) -> int:
    if not argument.isdecimal() or int(argument) < 1:
        raise UsageError(
            f"{argument!r} is not a number of rows", where="neighbours:K", next_command="write neighbours:5"
        )
    return int(argument)


# `content` stays at its default: the answers depend on the train split. The argument is added to it.
NEIGHBOURS = PredictorFactory(load=load, argument="the number of train rows that vote")
