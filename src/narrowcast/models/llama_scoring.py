"""Exact log-probabilities of a closed set of continuations: their trie is decoded once, behind the prompt.

Continuations that begin alike share the computation of the shared part; the prompt is computed once for
all. With a prefix `p` and tokens `t1..tn`, the score is the sum of `log P(ti | p, t1..ti-1)`; the last
token (the end of the turn) is part of it and needs no decoding of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from narrowcast.models.llama_cpp import BATCH, MAX_BRANCHES, LlamaCpp

_NODES = BATCH // 2  # a row of logits for each node is kept, so that memory stays bounded

Path = tuple[int, ...]


def score_continuations(engine: LlamaCpp, prompt: Sequence[int], answers: Sequence[Path]) -> list[float]:
    """Natural-log probability of each answer after the prompt.

    Args:
        engine: its sequence 0 holds the prompt afterwards.
        prompt: token ids.
        answers: token ids with the end-of-turn token last, none empty.
    """
    first = log_softmax(engine.prefill(prompt)[-1])
    scores = [0.0] * len(answers)
    for group in _groups(answers):
        known: dict[Path, Any] = {(): first}
        nodes = _trie([answers[index] for index in group])
        for path, row in zip(nodes, engine.branch([_node(*item) for item in nodes.items()]), strict=True):
            known[path] = log_softmax(row)
        for index in group:
            answer = answers[index]
            scores[index] = float(sum(known[answer[:depth]][answer[depth]] for depth in range(len(answer))))
    return scores


def log_softmax(logits: Any) -> Any:
    """Log-probabilities of one row, in float64."""
    import numpy as np

    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())


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


def _trie(answers: Sequence[Path]) -> dict[Path, list[int]]:
    """Inner nodes (proper prefixes), parents first, with the branches (from 1) that pass through them."""
    nodes: dict[Path, list[int]] = {}
    for branch, answer in enumerate(answers, start=1):
        for depth in range(1, len(answer)):
            nodes.setdefault(answer[:depth], []).append(branch)
    return nodes


def _node(path: Path, branches: list[int]) -> tuple[int, int, list[int]]:
    return path[-1], len(path) - 1, branches
