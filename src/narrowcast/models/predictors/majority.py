"""The floor: the most frequent answer of the train split, whatever the input.

For fields, the most frequent value of each field (whole objects hardly ever repeat). For labels, the
log-probabilities are the add-one smoothed shares of the train split. Ties go to the answer seen first.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence

from narrowcast.core.names import AnswerKind
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.models.predictors.baseline import FittedPredictor, training_pairs
from narrowcast.models.predictors.json_answer import answer_text, field_table


def from_train(context: PredictorContext, _argument: str = "") -> FittedPredictor:
    """Count the train split's answers."""
    targets = [pair.target for pair in training_pairs(context)]
    if context.answer is AnswerKind.FIELDS:
        answer: Answer = (_common_fields(targets), None)
    else:
        counts = Counter(targets)
        answer = (counts.most_common(1)[0][0], _shares(context.task.labels, counts))

    def repeat(texts: Sequence[str]) -> list[Answer]:
        return [answer] * len(texts)

    return FittedPredictor("majority", repeat)


MAJORITY = PredictorFactory(load=from_train)


def _common_fields(targets: Sequence[str]) -> str:
    columns = field_table(targets)
    common = {
        name: Counter(json.dumps(value) for value in values).most_common(1)[0][0]
        for name, values in columns.items()
    }
    return answer_text({name: json.loads(text) for name, text in common.items()})


def _shares(labels: Sequence[str], counts: Counter[str]) -> dict[str, float] | None:
    if not labels:
        return None
    total = counts.total() + len(labels)
    return {label: math.log((counts[label] + 1) / total) for label in labels}
