"""Log-probabilities of a closed set of answers: their trie is searched after the prompt, best first.

Answers that begin alike share the computation of the shared part, and the prompt is computed once for all.
With tokens `t1..tn` (the end of turn last) the score is the sum of `log P(ti | prompt, t1..ti-1)`. The
score of a node bounds all answers below it together, so a node is decoded only while it lies within `MARGIN`
nats of the best score in sight. Answers that were never reached share the probability of the node where the
search stopped: no probability moves by more than `nodes where it stopped * exp(-MARGIN)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from narrowcast.models.llama_cpp import BATCH, MAX_BRANCHES, LlamaCpp

MARGIN = 10.0  # as the transformers predictor has it
_NODES = BATCH // 2  # rows of logits kept in memory, which stays bounded

Path = tuple[int, ...]


def score_continuations(
    engine: LlamaCpp, prompt: Sequence[int], answers: Sequence[Path], margin: float = MARGIN
) -> list[float]:
    """Natural-log probability of each answer after the prompt; see above for the unlikely ones.

    Args:
        engine: its sequence 0 holds the prompt afterwards.
        prompt: token ids.
        answers: token ids with the end-of-turn token last, none empty.
        margin: infinity computes the whole trie.
    """
    first = log_softmax(engine.prefill(prompt)[-1])
    scores = [0.0] * len(answers)
    best = float("-inf")
    for group in _groups(answers):
        search = _Search(engine, [answers[index] for index in group], margin, best)
        for index, score in zip(group, search.run(first), strict=True):
            scores[index] = score
        best = search.best
    return scores


def log_softmax(logits: Any) -> Any:
    """Log-probabilities of one row, in float64."""
    import numpy as np

    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())


class _Search:
    """Best-first search in the trie of one group of answers."""

    def __init__(self, engine: LlamaCpp, answers: Sequence[Path], margin: float, best: float) -> None:
        self._engine, self._answers, self._margin = engine, answers, margin
        self.best = best
        """Score of the likeliest whole answer so far."""
        self._below: dict[Path, list[int]] = {}
        """Node to the answers (branches from 1) that pass through it or end there."""
        for branch, answer in enumerate(answers, start=1):
            for depth in range(1, len(answer) + 1):
                self._below.setdefault(answer[:depth], []).append(branch)
        self._children: dict[Path, list[Path]] = {}
        for path in self._below:
            self._children.setdefault(path[:-1], []).append(path)
        self._open: dict[Path, float] = {}
        self._found: dict[Path, float] = {}

    def run(self, first: Any) -> list[float]:
        """The score of each answer."""
        self._learn((), 0.0, first)
        with self._engine.branches(len(self._answers)) as decode:
            while nodes := self._needed():
                rows = decode([(path[-1], len(path) - 1, self._below[path]) for path in nodes])
                for path, row in zip(nodes, rows, strict=True):
                    self._learn(path, self._open.pop(path), log_softmax(row))
        return [self._score(answer) for answer in self._answers]

    def _learn(self, path: Path, score: float, logprobs: Any) -> None:
        for child in self._children[path]:
            value = score + float(logprobs[child[-1]])
            if child in self._children:
                self._open[child] = value
            else:
                self._found[child] = value
                self.best = max(self.best, value)

    def _needed(self) -> list[Path]:
        """Open nodes that may still hold something likely, the likeliest first."""
        bar = max([self.best, *self._open.values()]) - self._margin
        likely = [path for path, score in self._open.items() if score >= bar]
        return sorted(likely, key=self._open.__getitem__, reverse=True)[:_NODES]

    def _score(self, answer: Path) -> float:
        if answer in self._found:
            return self._found[answer]
        stopped = next(answer[:depth] for depth in range(1, len(answer)) if answer[:depth] in self._open)
        return self._open[stopped] - math.log(len(self._below[stopped]))


def _groups(answers: Sequence[Path]) -> Iterator[list[int]]:
    """Answers in lexical order, cut where the trie or the number of branches grows too large."""
    group: list[int] = []
    nodes: set[Path] = set()
    for index in sorted(range(len(answers)), key=lambda each: answers[each]):
        own = {answers[index][:depth] for depth in range(1, len(answers[index]))}
        if group and (len(group) == MAX_BRANCHES or len(nodes | own) > _NODES):
            yield group
            group, nodes = [], set()
        group.append(index)
        nodes |= own
    if group:
        yield group
