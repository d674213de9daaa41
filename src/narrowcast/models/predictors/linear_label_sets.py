"""Linear models for sets of labels: one yes-or-no classifier a label."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from narrowcast.core.work import Work
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.predictors.baseline import Answer, fitted
from narrowcast.models.predictors.json_answer import answer_text
from narrowcast.models.predictors.linear_text import LinearRecipe


def label_set_answers(
    pairs: Sequence[TrainingPair], recipe: LinearRecipe, work: Work
) -> tuple[Callable[[Sequence[str]], list[Answer]], str]:
    """Fit every label; returns the answering function and a note on what was fitted."""
    features = recipe.features()
    inputs = features.fit_transform([pair.text for pair in pairs])
    sets = [json.loads(pair.target)["labels"] for pair in pairs]
    labels = list(dict.fromkeys(label for each in sorted(sets, key=len, reverse=True) for label in each))
    models = {}
    work.progress.start(f"fitting a model for each label on {len(pairs):,} rows", len(labels))
    for label in labels:
        work.cancel.check()
        classes = ["yes" if label in each else "no" for each in sets]
        if "no" in classes:
            models[label] = fitted(recipe.model(False), inputs, classes)
        work.progress.advance()

    def answer(messages: Sequence[str]) -> list[Answer]:
        if not messages:
            return []
        matrix = features.transform(list(messages))
        named = {label: models[label].predict(matrix) for label in models}
        return [
            (answer_text({"labels": [label for label in labels if _is_named(label, named, row)]}), None)
            for row in range(len(messages))
        ]

    return answer, f"{len(labels)} labels, one model each"


def _is_named(label: str, named: Mapping[str, Sequence[str]], row: int) -> bool:
    """A label of every train row has no model and fits every message."""
    return label not in named or named[label][row] == "yes"
