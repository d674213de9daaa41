"""The token trie of a closed label set: labels that begin alike share nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.errors import ModelError

_Branch = dict[int, "_Branch"]


@dataclass(frozen=True, slots=True)
class LabelTrie:
    """Items in one numbering: node 0 is the end of the prompt, nodes 1 to `nodes` - 1 follow in preorder,
    then one leaf per label (its end-of-turn token).

    Preorder makes the subtree of node `n` the range `n` to `n + size[n]`, hence ancestry a comparison.

    Attributes:
        nodes: number of nodes, the root included.
        token: by item, the token that leads to it (0 for the root).
        parent: by item (0 for the root).
        depth: by item, tokens after the prompt.
        size: by node, nodes in its subtree, itself included.
        labels: by item, labels at or below it.
        first_child: by node, where its children begin in `children`; one entry more than nodes.
        children: items, grouped by parent.
    """

    nodes: int
    token: list[int]
    parent: list[int]
    depth: list[int]
    size: list[int]
    labels: list[int]
    first_child: list[int]
    children: list[int]


def build_trie(answers: Sequence[Sequence[int]]) -> LabelTrie:
    """The trie of token sequences that all end in the same end-of-turn token.

    Leaf `nodes + i` belongs to `answers[i]`.

    Raises:
        ModelError: if two labels have the same tokens, so that no score can tell them apart.
    """
    if len({tuple(answer) for answer in answers}) < len(answers):
        raise ModelError(
            "two labels have the same tokens",
            next_command="rename one of them in narrowcast.yaml",
        )
    tree: _Branch = {}
    for answer in answers:
        branch = tree
        for each in answer[:-1]:
            branch = branch.setdefault(each, {})
    number: dict[tuple[int, ...], int] = {}
    token, parent, depth, size = [0], [0], [0], [1]

    def walk(branch: _Branch, path: tuple[int, ...]) -> int:
        mine = number[path] = len(number)
        for key, below in branch.items():
            token.append(key)
            parent.append(mine)
            depth.append(len(path) + 1)
            size.append(1)
            child = len(number)
            size[child] = walk(below, (*path, key))
        return len(number) - mine

    size[0] = walk(tree, ())
    nodes = len(number)
    for answer in answers:
        token.append(answer[-1])
        parent.append(number[tuple(answer[:-1])])
        depth.append(len(answer))
    labels = [0] * nodes + [1] * len(answers)
    for item in range(len(token) - 1, 0, -1):  # parents come before their children
        labels[parent[item]] += labels[item]
    families: list[list[int]] = [[] for _ in range(nodes)]
    for item in range(1, len(token)):
        families[parent[item]].append(item)
    first = [0]
    for family in families:
        first.append(first[-1] + len(family))
    children = [item for family in families for item in family]
    return LabelTrie(nodes, token, parent, depth, size, labels, first, children)
