"""A linear model on the vectors of texts: one label each, or a set of labels.

It begins as the logistic regression on the frozen vectors, so that the first gradients do not spoil what the
encoder knows (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from narrowcast.core.stage import StageContext
from narrowcast.models.classifiers.linear import ENCODER, LinearClassifier
from narrowcast.models.encoders.encoder import padded
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.training.classifiers.fit import classifier_loss, fit, loaded_recipe, scores_of
from narrowcast.training.classifiers.setup import ClassifierSetup
from narrowcast.training.options import Options

_ENOUGH = 30  # dev rows to fit a temperature to


class RowHead:
    """See `narrowcast.training.classifiers.head.Head`; items are rows."""

    def __init__(self, setup: ClassifierSetup, options: Options, ctx: StageContext) -> None:
        self._recipe = loaded_recipe(setup, options, ctx)
        assert self._recipe.encoder is not None
        self.encoder = self._recipe.encoder
        self._start = fit(setup, self._recipe, ctx)
        self._targets = _targets(self._start, setup.train)
        self._tokens = self.encoder.tokens([pair.text for pair in setup.train])
        self._linear = torch.nn.Linear(self.encoder.folder.dimensions, len(self._start.classes))
        with torch.no_grad():
            self._linear.weight.copy_(torch.from_numpy(self._start.blocks[ENCODER]).T)
            self._linear.bias.copy_(torch.from_numpy(self._start.bias))
        several = self._start.several
        self._loss = torch.nn.BCEWithLogitsLoss() if several else torch.nn.CrossEntropyLoss()

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        return [len(each) for each in self._tokens]

    def parameters(self) -> list[Any]:
        """The linear model."""
        return [*self._linear.parameters()]

    def states(self, items: Sequence[int]) -> Any:
        """Vectors, of shape (rows, dimensions)."""
        return self.encoder.pooled(*padded([self._tokens[row] for row in items]))

    def loss(self, states: Any, items: Sequence[int]) -> tuple[Any, int]:
        """Over the rows."""
        return self._loss(self._linear(states), self._targets[list(items)]), len(items)

    def finished(self, setup: ClassifierSetup) -> tuple[LinearClassifier, dict[str, float]]:
        """With a temperature that is fitted to the dev rows, where there are enough."""
        classifier = self._classifier(temperature=1.0)
        if not setup.dev or classifier.several:
            return classifier, {}
        scores = scores_of(classifier, self._recipe, setup.dev, known=False)
        if len(setup.dev) >= _ENOUGH:
            classifier = self._classifier(_temperature(classifier, scores, setup.dev))
        return classifier, {"dev": classifier_loss(classifier, scores, setup.dev)}

    def _classifier(self, temperature: float) -> LinearClassifier:
        """The head that belongs to the trained encoder."""
        return LinearClassifier(
            classes=self._start.classes,
            bags=(),
            blocks={ENCODER: self._linear.weight.detach().T.contiguous().numpy()},
            bias=self._linear.bias.detach().numpy(),
            several=self._start.several,
            temperature=temperature,
        )


def _temperature(classifier: LinearClassifier, scores: Any, pairs: Sequence[TrainingPair]) -> float:
    """Fitted to the dev rows whose label the classifier knows."""
    from narrowcast.models.classifiers.calibrated_svm import fitted_temperature

    column = {name: number for number, name in enumerate(classifier.classes)}
    rows = [number for number, pair in enumerate(pairs) if pair.target in column]
    return fitted_temperature(scores[rows], [column[pairs[number].target] for number in rows])


def _targets(head: LinearClassifier, pairs: Sequence[TrainingPair]) -> Any:
    """By row the number of its class; where a row may have several, 0 or 1 for each class."""
    column = {name: number for number, name in enumerate(head.classes)}
    if not head.several:
        return torch.tensor([column[pair.target] for pair in pairs])
    table = torch.zeros(len(pairs), len(column))
    for row, pair in enumerate(pairs):
        table[row, [column[label] for label in json.loads(pair.target)["labels"]]] = 1.0
    return table
