"""Gate: the input is long, varied and concrete enough to teach something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.similarity.shingles import words_of

_PLACEHOLDER = re.compile(
    r"\[(?:your |the |insert |customer |user )?(?:name|date|number|address|product|company|email|amount|text|"
    r"order id)[^\]]{0,20}\]|\{\{?\s*\w+\s*\}?\}|<(?:name|date|text|input|placeholder|insert[^>]*)>|"
    r"\blorem ipsum\b|\b(?:foo\s+bar|asdf\w*|xxx+|test test)\b",
    re.IGNORECASE,
)
_LEAST_VARIED = (
    0.5  # different word triples of all, where there are eight words and more; texts of any length
)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # Thai, Lao, Japanese, Chinese
# Boundary rows are short on purpose.
_SHORT_ON_PURPOSE = frozenset({"boundary"})


def triviality(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Too short, repetitive, a template that was not filled, or an answer that is the input."""
    rejections = {}
    for row in rows:
        why = _fault(row, context.options.min_words)
        if why:
            rejections[row.index] = why
    return rejections


def _fault(row: GateRow, min_words: int) -> str | None:
    words = words_of(row.text).split()
    least = 1 if row.generated.origin.edge_case in _SHORT_ON_PURPOSE else min_words
    count = max(len(words), len(_UNSPACED.findall(row.text)) // 2)
    if count < least:
        return f"{count} word(s)"
    triples = list(zip(words, words[1:], words[2:], strict=False))
    if len(words) >= 8 and len(set(triples)) / len(triples) < _LEAST_VARIED:
        return f"{len(set(triples))} different word triples of {len(triples)}"
    placeholder = _PLACEHOLDER.search(row.text) or _PLACEHOLDER.search(row.output)
    if placeholder:
        return f"unfilled: {placeholder.group()!r}"
    if words_of(row.output) == words_of(row.text):
        return "the answer repeats the input"
    return None
