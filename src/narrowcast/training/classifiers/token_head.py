"""A linear model on the words of a text, which are tagged: spans of the kinds that the train rows have.

It begins with zeros, and so does the table that tells the encoder how a word is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.tokens import IDS, MASK
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.taggers.module import TokenModule
from narrowcast.models.taggers.tagger import SURFACE, TokenTagger, batch_of, tags_count
from narrowcast.models.taggers.tags import tags_of
from narrowcast.models.taggers.trained import TrainedTagger, word_tokens
from narrowcast.models.taggers.windows import Window
from narrowcast.training.classifiers.setup import ClassifierSetup

_Item = tuple[Window, list[int]]


class TokenHead:
    """See `narrowcast.training.classifiers.head.Head`; items are windows of rows."""

    def __init__(self, setup: ClassifierSetup) -> None:
        assert setup.encoder is not None
        self.encoder = Encoder(setup.encoder)
        self._kinds = sorted({kind for pair in setup.train for kind, _, _ in pair.spans})
        self._items = _items(self.encoder, setup.train, self._kinds)
        self._module = TokenModule(self.encoder.model)
        self._linear = torch.nn.Linear(setup.encoder.dimensions, tags_count(self._kinds))
        with torch.no_grad():
            self._linear.weight.zero_()
            self._linear.bias.zero_()
        self._loss = torch.nn.CrossEntropyLoss()

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each window."""
        return [len(window.ids) for window, _ in self._items]

    def parameters(self) -> list[Any]:
        """The linear model, and the table of surfaces."""
        return [*self._linear.parameters(), *self._module.surface.parameters()]

    def states(self, items: Sequence[int]) -> Any:
        """Of the first token of each judged word, of shape (words, dimensions)."""
        windows = [self._items[item][0] for item in items]
        batch = {name: torch.from_numpy(table) for name, table in batch_of(windows).items()}
        states = self._module(batch[IDS], batch[MASK], batch[SURFACE])
        rows = [row for row, window in enumerate(windows) for _ in window.places]
        return states[rows, [place for window in windows for place in window.places]]

    def loss(self, states: Any, items: Sequence[int]) -> tuple[Any, int]:
        """Over the words."""
        tags = [tag for item in items for tag in self._items[item][1]]
        return self._loss(self._linear(states), torch.tensor(tags)), len(tags)

    def finished(self, setup: ClassifierSetup) -> tuple[TokenTagger, dict[str, float]]:
        """The tagger; the loss is of the words of dev rows, where a kind has train rows."""
        tagger = TokenTagger(
            kinds=tuple(self._kinds),
            weight=self._linear.weight.detach().T.contiguous().numpy(),
            bias=self._linear.bias.detach().numpy(),
            surface=self._module.surface.weight.detach().numpy(),
        )
        known = [pair for pair in setup.dev if all(kind in self._kinds for kind, _, _ in pair.spans)]
        loss = _loss(TrainedTagger(tagger, self.encoder), known)
        return tagger, {} if loss is None else {"dev": loss}


def _items(encoder: Encoder, pairs: Sequence[TrainingPair], kinds: Sequence[str]) -> list[_Item]:
    read = word_tokens(encoder.folder).of([pair.text for pair in pairs])
    items = []
    for each, pair in zip(read, pairs, strict=True):
        tags = tags_of(each.words, pair.spans, kinds)
        assert not isinstance(tags, str), f"a row whose spans cannot be learned is left: {tags}"
        items += [(window, [tags[word] for word in window.words]) for window in each.windows]
    return items


def _loss(tagger: TrainedTagger, pairs: Sequence[TrainingPair]) -> float | None:
    """Mean of minus the log-probability of the right tag, in nats per word."""
    texts = [pair.text for pair in pairs]
    total, words = 0.0, 0
    tables, _ = tagger.judged(texts, ())
    for pair, each, table in zip(pairs, tagger.features(texts), tables, strict=True):
        tags = tags_of(each.words, pair.spans, tagger.tagger.kinds)
        assert not isinstance(tags, str)
        total -= float(table[range(len(tags)), tags].sum()) if tags else 0.0
        words += len(tags)
    return total / words if words else None
