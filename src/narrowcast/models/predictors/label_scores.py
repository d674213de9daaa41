"""How likely each label is, by best-first search in the label trie.

A label's score is the sum of the log-probabilities of its tokens and of the end of turn. A node's score
bounds every label below it, so a node is computed only while it lies within `margin` nats of the best
score in sight: exactly the nodes that matter, each once, several rows and several nodes at a time. The
likeliest label and every label within the margin get their exact score. Labels that were never reached share
the probability of the node where the search stopped, which they cannot exceed together: no probability
moves by more than `nodes where it stopped * exp(-margin)`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from narrowcast.models.predictors.label_trie import LabelTrie
from narrowcast.models.predictors.prefill import Batch, Reader

MARGIN = 10.0  # nats; with 77 labels no probability moved by more than 4e-5, at two thirds of 20 nats' time
_WHOLE_SUBTREE = 64
_LOGITS = 1 << 22  # logits per pass; 16 MiB stay in memory the allocator reuses


class TrieScorer:
    """Scores one label set.

    Args:
        reader: the model.
        trie: of the labels' tokens.
        margin: see above; infinity computes the whole trie.
        whole: a subtree of at most this many nodes is computed with its root: fewer, larger steps.
    """

    def __init__(
        self, reader: Reader, trie: LabelTrie, margin: float = MARGIN, whole: int = _WHOLE_SUBTREE
    ) -> None:
        self._reader, self._trie, self._margin, self._whole = reader, trie, margin, whole
        device = reader.device
        self._token = torch.tensor(trie.token, device=device)
        self._parent = torch.tensor(trie.parent, device=device)
        self._depth = torch.tensor(trie.depth, device=device)
        self._size = torch.tensor(trie.size, device=device)
        self._share = torch.tensor(trie.labels, device=device).log()
        self._first = torch.tensor(trie.first_child, device=device)
        self._children = torch.tensor(trie.children, device=device)

    def score(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Log-probability of each label after each prompt, not normalised: [prompts, labels], float32."""
        batch = self._reader.read(prompts)
        rows = torch.arange(len(prompts), device=self._reader.device)
        search = _Search(self, batch, len(prompts))
        search.learn(rows, torch.zeros_like(rows), batch.logits.log_softmax(-1))
        while search.step():
            pass
        return search.scores[:, self._trie.nodes :]


class _Search:
    """The state of one batch of rows."""

    def __init__(self, scorer: TrieScorer, batch: Batch, rows: int) -> None:
        self._s, self._batch, self._nodes = scorer, batch, scorer._trie.nodes
        device = batch.logits.device
        self.scores = torch.full((rows, len(scorer._trie.token)), -torch.inf, device=device)
        self.scores[:, 0] = 0.0
        self._done = torch.zeros((rows, self._nodes), dtype=torch.bool, device=device)
        self._columns = torch.full((rows, 0), -1, device=device)  # trie node of each appended column
        self._prompt = batch.prompt_mask()
        self._most = max(1, _LOGITS // batch.logits.shape[1])

    def learn(self, rows: torch.Tensor, nodes: torch.Tensor, logprobs: torch.Tensor) -> None:
        """Score the children of computed nodes: `logprobs` [n, vocabulary] belongs to (rows, nodes) [n].

        Nodes come in preorder within a row, so a parent's score is there before it is needed.
        """
        s = self._s
        self._done[rows, nodes] = True
        at, items = _spread(s._first[nodes], s._first[nodes + 1] - s._first[nodes])
        items = s._children[items]
        logprob = logprobs[at, s._token[items]]
        row, depth = rows[at], s._depth[items]
        for level in range(int(depth.min()), int(depth.max()) + 1):  # a parent's score comes first
            here = depth == level
            mine = items[here]
            self.scores[row[here], mine] = self.scores[row[here], s._parent[mine]] + logprob[here]

    def step(self) -> bool:
        """Compute the next nodes of every row; False where none is left within the margin."""
        need = self._needed()
        if not bool(need.any()):
            self._bound_the_rest()
            return False
        counts = need.sum(1)
        rows, nodes = need.nonzero(as_tuple=True)  # by row, then preorder: ancestors before descendants
        slots = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
        wide = int(slots.max()) + 1
        grid = torch.full((len(counts), wide), -1, device=rows.device)
        grid[rows, slots] = nodes
        states = self._forward(grid, rows * wide + slots)
        for at in range(0, len(rows), self._most):
            part = slice(at, at + self._most)
            self.learn(rows[part], nodes[part], self._s._reader.logprobs(states[part]))
        return True

    def _needed(self) -> torch.Tensor:
        """[rows, nodes]: open nodes within the margin of the best score in sight, small subtrees whole."""
        s, nodes = self._s, self._nodes
        opened = (self.scores[:, :nodes] > -torch.inf) & ~self._done
        frontier = self.scores[:, :nodes].masked_fill(~opened, -torch.inf)
        best = torch.maximum(frontier.amax(1), self.scores[:, nodes:].amax(1))
        rows, chosen = (opened & (frontier >= best[:, None] - s._margin)).nonzero(as_tuple=True)
        size = s._size[chosen]
        at, below = _spread(chosen, torch.where(size <= s._whole, size, 1))
        need = torch.zeros_like(self._done)
        need[rows[at], below] = True
        return need & ~self._done

    def _forward(self, grid: torch.Tensor, picked: torch.Tensor) -> torch.Tensor:
        s, batch = self._s, self._batch
        self._columns = torch.cat([self._columns, grid], 1)
        column, query = self._columns[:, None, :], grid[:, :, None]
        # A column is visible where its node is the query's ancestor or the query: an interval, in preorder.
        ancestor = (column >= 0) & (column <= query) & (query < column + s._size[column.clamp(min=0)])
        prompt = self._prompt[:, None, :].expand(-1, grid.shape[1], -1)
        ids = torch.where(grid >= 0, s._token[grid.clamp(min=0)], s._reader.pad)
        positions = batch.lengths[:, None] + s._depth[grid.clamp(min=0)].clamp(min=1) - 1
        return s._reader.hidden(ids, positions, batch.cache, torch.cat([prompt, ancestor], 2), picked)

    def _bound_the_rest(self) -> None:
        """Give items that were never reached their labels' equal share of the node they hang below."""
        s = self._s
        for level in range(1, int(s._depth.max()) + 1):
            items = (s._depth == level).nonzero()[:, 0]
            parents, known = s._parent[items], self.scores[:, items]
            shares = self.scores[:, parents] + s._share[items] - s._share[parents]
            self.scores[:, items] = torch.where(known == -torch.inf, shares, known)


def _spread(starts: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Ranges laid end to end: which range each element is of, and the element."""
    at = torch.repeat_interleave(counts)
    offset = torch.arange(len(at), device=at.device) - (counts.cumsum(0) - counts)[at]
    return at, starts[at] + offset
