"""Gate: prompt and answer fit the base model, counted in its own tokens as training will render them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.models.chat import render_training
from narrowcast.models.template import TemplateRefusedError


def length(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Reject rows that training would leave out as over-length."""
    rejections = {}
    for row in rows:
        try:
            ids, _ = render_training(context.tokenizer, row.messages)
        except TemplateRefusedError as error:
            rejections[row.index] = error.what
            continue
        if len(ids) > context.max_tokens:
            rejections[row.index] = f"{len(ids):,} tokens, {context.max_tokens:,} fit"
    return rejections
