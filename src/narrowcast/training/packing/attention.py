"""Attention over the pieces of a packed trie, exact, in dense products.

For a query i of a segment, let X be the tokens above the segment and Y the segment itself. Wanted is softmax
attention over X and over the part of Y up to i:

    s_ij = q_i k_j / sqrt(d)        p_i = softmax of s_ij over j in X, Y        o_i = sum_j p_ij v_j.

The scores with X are one product for all siblings, those with Y one per segment; side by side they go through
one softmax. Backward needs p again. Where a query meets few keys it is kept; where it meets many, p would be
the largest thing a layer keeps, and is computed anew (as Dao et al. 2022 do). Then, with do_i the gradient of
o_i,

    dv_j = sum_i p_ij do_i        dp_ij = do_i . v_j        ds_ij = p_ij (dp_ij - sum_m p_im dp_im)
    dq_i = sum_j ds_ij k_j / sqrt(d)        dk_j = sum_i ds_ij q_i / sqrt(d).

A key in a shared segment gathers these sums over all rows that share it: the sum of the gradients that the
rows would give it one by one, which is why packing is exact. Nothing is approximated; sums are taken in
another order, so results differ from the padded run's by rounding alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from narrowcast.training.packing.blocks import Layout, Piece

_KEPT = 8  # times the size of the queries that their weights may take to be kept for backward


class TreeAttention(torch.autograd.Function):  # type: ignore[misc]
    """`TreeAttention.apply(query, key, value, layout, scaling, window, dtype)`.

    Shapes are a model's own: `query` [1, heads, tokens, size], `key` and `value` [1, groups, tokens, size];
    the result is [1, tokens, heads, size] in `dtype`, in which products are taken. `window` (tokens, or None)
    limits the distance between positions.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: Layout,
        scaling: float,
        window: int | None,
        dtype: torch.dtype,
    ) -> Tensor:
        """See the module."""
        groups = key.shape[1]
        queries = _compact(query[0].unflatten(0, (groups, -1)).transpose(1, 2), dtype)
        keys, values = _compact(key[0], dtype), _compact(value[0], dtype)
        out = torch.zeros_like(queries)
        kept: list[Tensor | None] = []
        for piece in layout.pieces:
            view = _View(piece, queries.shape)
            weights = view.weights(queries, keys, layout, scaling, window)
            view.write(out, view.answers(weights, view.own(values), view.above(values)))
            kept.append(weights if weights.shape[-1] <= _KEPT * queries.shape[-1] else None)
        ctx.save_for_backward(queries, keys, values, *kept)
        ctx.layout, ctx.scaling, ctx.window = layout, scaling, window
        ctx.types = query.dtype, key.dtype, value.dtype
        return out.transpose(0, 1).flatten(1, 2)[None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """See the module."""
        queries, keys, values, *kept = ctx.saved_tensors
        groups, _, heads, _ = queries.shape
        grad = _compact(grad[0].unflatten(1, (groups, heads)).transpose(0, 1), queries.dtype)
        d_queries = torch.zeros_like(queries)
        d_keys, d_values = (torch.zeros_like(each, dtype=_wide(each)) for each in (keys, values))
        for piece, weights in zip(ctx.layout.pieces, kept, strict=True):
            view = _View(piece, queries.shape)
            if weights is None:
                weights = view.weights(queries, keys, ctx.layout, ctx.scaling, ctx.window)
            outer = view.queries(grad)
            view.add(d_values, view.sums(weights, outer))
            slopes = view.products(outer, view.own(values), view.above(values))
            slopes = torch._softmax_backward_data(slopes, weights, -1, slopes.dtype)
            view.add(d_keys, view.sums(slopes, view.queries(queries), ctx.scaling))
            view.write(d_queries, view.answers(slopes, view.own(keys), view.above(keys), ctx.scaling))
        d_query = d_queries.transpose(1, 2).flatten(0, 1)[None]
        d_query, d_key, d_value = (
            each.to(dtype)
            for each, dtype in zip((d_query, d_keys[None], d_values[None]), ctx.types, strict=True)
        )
        return d_query, d_key, d_value, None, None, None, None


def _compact(source: Tensor, dtype: torch.dtype) -> Tensor:
    """A contiguous copy in this type, in one pass."""
    return torch.empty(source.shape, dtype=dtype, device=source.device).copy_(source)


def _wide(values: Tensor) -> torch.dtype:
    """What their sums are kept in: float32, or wider where they are."""
    return torch.promote_types(values.dtype, torch.float32)


class _View:
    """A piece's part of tensors whose first dimensions are groups and tokens.

    Shapes below: N = groups × B × S segments, M = groups × B families, of h heads a group.
    """

    def __init__(self, piece: Piece, shape: torch.Size) -> None:
        self._piece = piece
        self._groups, _, self._heads, self._size = shape
        self._families, self._siblings, self._high = piece.own.shape
        self._reach = piece.above.shape[1]

    def queries(self, source: Tensor) -> Tensor:
        """[groups, tokens, h, size] to [N, q × h, size]."""
        return self._take(source.flatten(2), self._piece.own).view(-1, self._high * self._heads, self._size)

    def own(self, source: Tensor) -> Tensor:
        """[groups, tokens, size] to the segments' [N, q, size]."""
        return self._take(source, self._piece.own).view(-1, self._high, self._size)

    def above(self, source: Tensor) -> Tensor | None:
        """[groups, tokens, size] to what is above the families, [M, a, size]."""
        if not self._reach:
            return None
        return self._take(source, self._piece.above).view(-1, self._reach, self._size)

    def weights(
        self, queries: Tensor, keys: Tensor, layout: Layout, scaling: float, window: int | None
    ) -> Tensor:
        """The p of the module, [N, q × h, a + q]: over what is above, then over the segment."""
        scores = self.products(self.queries(queries), self.own(keys), self.above(keys), scaling)
        places = torch.arange(self._high, device=queries.device)
        later = places[:, None, None] < places
        by_head = scores.view(-1, self._high, self._heads, self._reach + self._high)
        by_head[..., self._reach :].masked_fill_(later, -torch.inf)
        if (missing := self._piece.missing) is not None:
            grid = scores.view(self._groups, self._families, -1, self._reach + self._high)
            last = grid[..., self._reach - missing.shape[1] : self._reach]
            last.masked_fill_(missing[:, None], -torch.inf)
        if window is not None:
            far = self._far(layout.positions, window)
            scores.view(self._groups, *far.shape).masked_fill_(far, -torch.inf)
        return torch.softmax(scores, -1)

    def products(self, rows: Tensor, own: Tensor, above: Tensor | None, scale: float = 1.0) -> Tensor:
        """Rows [N, q × h, size] with keys or values, times `scale`: [N, q × h, a + q]."""
        out = rows.new_empty(*rows.shape[:2], self._reach + self._high)
        out[:, :, self._reach :].baddbmm_(rows, own.mT, beta=0, alpha=scale)
        if above is not None:
            outer = self._by_family(out)[:, :, : self._reach]
            outer.baddbmm_(self._by_family(rows), above.mT, beta=0, alpha=scale)
        return out

    def answers(self, weights: Tensor, own: Tensor, above: Tensor | None, scale: float = 1.0) -> Tensor:
        """Sums over the keys, weighted [N, q × h, a + q], times `scale`: [N, q × h, size]."""
        out = _product(weights[:, :, self._reach :], own, scale)
        if above is not None:
            self._by_family(out).baddbmm_(self._by_family(weights[:, :, : self._reach]), above, alpha=scale)
        return out

    def sums(self, weights: Tensor, rows: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor | None]:
        """Sums over the queries, times `scale`: of segments [N, q, size], of what is above [M, a, size]."""
        own = _product(weights[:, :, self._reach :].mT, rows, scale)
        if not self._reach:
            return own, None
        outer = self._by_family(weights[:, :, : self._reach].contiguous())  # transposed and strided is slow
        return own, _product(outer.mT, self._by_family(rows), scale)

    def write(self, target: Tensor, rows: Tensor) -> None:
        """Rows [N, q × h, size] to their tokens in [groups, tokens, h, size]."""
        rows = rows.view(self._groups, -1, self._heads * self._size).index_select(1, self._piece.picked)
        target.flatten(2).index_copy_(1, self._piece.written, rows)

    def add(self, target: Tensor, sums: tuple[Tensor, Tensor | None]) -> None:
        """Add to [groups, tokens, size]."""
        for offsets, what in zip((self._piece.own, self._piece.above), sums, strict=True):
            if what is not None:
                rows = what.view(self._groups, -1, self._size).to(target.dtype)
                target.index_add_(1, offsets.flatten(), rows)

    def _take(self, source: Tensor, offsets: Tensor) -> Tensor:
        return source.index_select(1, offsets.flatten())

    def _by_family(self, rows: Tensor) -> Tensor:
        """[N, q × h, n] as [M, S × q × h, n]."""
        return rows.view(-1, self._siblings * rows.shape[1], rows.shape[2])

    def _far(self, positions: Tensor, window: int) -> Tensor:
        """[B, S, q, 1, a + q] with the heads' dimension in place; true beyond the window."""
        queries = positions[self._piece.own]
        above = positions[self._piece.above][:, None].expand(-1, self._siblings, -1)
        keys = torch.cat([above, queries], -1)
        far = queries[..., None] - keys[:, :, None, :] >= window
        return far[:, :, :, None].expand(-1, -1, -1, self._heads, -1)


def _product(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """Batched matrix product times a number, which costs no pass of its own."""
    empty = left.new_empty(left.shape[0], left.shape[1], right.shape[2])
    return torch.baddbmm(empty, left, right, beta=0, alpha=scale)
