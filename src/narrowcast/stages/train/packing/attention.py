"""Attention over the pieces of a packed trie, exact, in dense products.

For query i let A(i) be its ancestors in the trie and itself. Wanted is softmax attention over A(i):

    s_ij = q_i k_j / sqrt(d)        L_i = log sum_{j in A(i)} exp(s_ij)        o_i = sum_j exp(s_ij - L_i) v_j

The pieces b of a `Layout` cut A(i) into disjoint parts A_b(i). Each gives L_ib and o_ib over its part alone,
and (the merge of Milakov and Gimelshein 2018, and of FlashAttention)

    L_i = log sum_b exp(L_ib)        o_i = sum_b exp(L_ib - L_i) o_ib.

Backward recomputes p_ij = exp(s_ij - L_i) piece by piece from the saved L (Dao et al. 2022). With
delta_i = o_i . do_i:

    dv_j = sum_i p_ij do_i        ds_ij = p_ij (do_i . v_j - delta_i)
    dq_i = sum_j ds_ij k_j        dk_j = sum_i ds_ij q_i.

A key in a shared segment gathers these sums over all rows that share it: the sum of the gradients that the
rows would give it one by one, which is why packing is exact. Nothing is approximated; sums are taken in
another order, so results differ from the padded run's by rounding alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from narrowcast.stages.train.packing.blocks import Layout, Piece


class TreeAttention(torch.autograd.Function):  # type: ignore[misc]
    """`TreeAttention.apply(query, key, value, layout, scaling, window)`.

    `query` is [groups, tokens, heads of a group, size], `key` and `value` [groups, tokens, size]; the result
    is shaped like `query`, float32. `window` (tokens, or None) limits the distance between positions.
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
    ) -> Tensor:
        """See the module."""
        groups, tokens, heads, size = query.shape
        out = query.new_zeros(groups, tokens, heads, size, dtype=torch.float32)
        total = query.new_full((groups, tokens, heads), -torch.inf, dtype=torch.float32)
        for piece in layout.pieces:
            scores = _scores(query, key, piece, layout, scaling, window)
            part = scores.logsumexp(-1)
            empty = part == -torch.inf  # fillers, and rows whose window ends before the piece
            weights = (scores - part.masked_fill(empty, 0.0)[..., None]).exp_()
            values = _at(value, piece.keys, piece.span, 1)
            answer = torch.bmm(weights.to(values.dtype), values).float()
            _merge(out, total, answer, part, piece, heads)
        ctx.save_for_backward(query, key, value, out, total)
        ctx.layout, ctx.scaling, ctx.window = layout, scaling, window
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """See the module."""
        query, key, value, out, total = ctx.saved_tensors
        heads = query.shape[2]
        delta = (grad * out).sum(-1)
        grad = grad.to(query.dtype)
        d_query = torch.zeros_like(query, dtype=torch.float32)
        d_key, d_value = (torch.zeros_like(each, dtype=torch.float32) for each in (key, value))
        for piece in ctx.layout.pieces:
            scores = _scores(query, key, piece, ctx.layout, ctx.scaling, ctx.window)
            limits = _at(total, piece.queries, piece.span, 0)
            weights = (scores - limits.flatten(1)[..., None]).exp_()
            if piece.seen is not None:  # fillers have no total of their own
                rows = _spread(piece.seen, scores.shape[0], heads)
                weights = torch.where(rows, weights, 0.0)
            outer = _at(grad, piece.queries, piece.span, 0).flatten(1, 2)
            keys = _at(key, piece.keys, piece.span, 1)
            values = _at(value, piece.keys, piece.span, 1)
            narrow = weights.to(query.dtype)
            _add(d_value, piece.keys, piece.span, 1, torch.bmm(narrow.mT, outer))
            slope = torch.bmm(outer, values.mT).float()
            slope -= _at(delta, piece.queries, piece.span, 0).flatten(1)[..., None]
            slope *= weights
            slope *= ctx.scaling
            narrow = slope.to(query.dtype)
            asked = _at(query, piece.queries, piece.span, 0).flatten(1, 2)
            _add(d_key, piece.keys, piece.span, 1, torch.bmm(narrow.mT, asked))
            step = torch.bmm(narrow, keys)
            _add(d_query, piece.queries, piece.span, 0, step.unflatten(1, (-1, heads)))
        return d_query.to(query.dtype), d_key.to(key.dtype), d_value.to(value.dtype), None, None, None


def _at(source: Tensor, offsets: Tensor, span: tuple[int, int, int, int] | None, side: int) -> Tensor:
    """Rows of `source` [groups, tokens, ...] at `offsets` [pieces, n]: [groups × pieces, n, ...]."""
    if span is not None:
        return source[:, span[side] : span[side] + span[2 + side]]
    return source[:, offsets].flatten(0, 1)


def _add(
    target: Tensor, offsets: Tensor, span: tuple[int, int, int, int] | None, side: int, what: Tensor
) -> None:
    """Add `what` [groups × pieces, n, ...] to the rows of `target` that `_at` would give."""
    if span is not None:
        target[:, span[side] : span[side] + span[2 + side]] += what
    else:
        target.index_add_(
            1, offsets.flatten(), what.unflatten(0, (target.shape[0], -1)).flatten(1, 2).float()
        )


def _spread(seen: Tensor, products: int, heads: int) -> Tensor:
    """[pieces, q, k] to [groups × pieces, q × heads, k]."""
    return seen.repeat_interleave(heads, 1).repeat(products // len(seen), 1, 1)


def _scores(
    query: Tensor, key: Tensor, piece: Piece, layout: Layout, scaling: float, window: int | None
) -> Tensor:
    """Scaled scores [groups × pieces, q × heads, k], float32, -inf where a query does not look."""
    heads = query.shape[2]
    asked = _at(query, piece.queries, piece.span, 0).flatten(1, 2)
    scores = torch.bmm(asked, _at(key, piece.keys, piece.span, 1).mT).float()
    scores *= scaling
    seen = _seen(piece, layout, window)
    return scores if seen is None else scores.masked_fill_(~_spread(seen, scores.shape[0], heads), -torch.inf)


def _seen(piece: Piece, layout: Layout, window: int | None) -> Tensor | None:
    if window is None:
        return piece.seen
    positions = layout.positions
    near = positions[piece.queries][:, :, None] - positions[piece.keys][:, None, :] < window
    return near if piece.seen is None else near & piece.seen


def _merge(out: Tensor, total: Tensor, answer: Tensor, part: Tensor, piece: Piece, heads: int) -> None:
    """Join a piece's answer [groups × pieces, q × heads, size] and log-sum into those of its queries."""
    groups = out.shape[0]
    answer = answer.unflatten(1, (-1, heads)).unflatten(0, (groups, -1)).flatten(1, 2)
    part = part.unflatten(1, (-1, heads)).unflatten(0, (groups, -1)).flatten(1, 2)
    if piece.span is None:
        answer, part = answer[:, piece.picked], part[:, piece.picked]
    before = total[:, piece.written]
    joint = torch.logaddexp(before, part)
    safe = joint.masked_fill(joint == -torch.inf, 0.0)
    old, new = (before - safe).exp_()[..., None], (part - safe).exp_()[..., None]
    out[:, piece.written] = out[:, piece.written] * old + answer * new
    total[:, piece.written] = joint
