"""Gate: no row says what a held-out row says: exactly, nearly, within a longer text, or in other words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.core.example import Example
from narrowcast.factory.gates.base import GateContext, GateRow, input_text
from narrowcast.factory.gates.semantics import embedder_for
from narrowcast.factory.held_out import input_texts
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.semantic import nearest
from narrowcast.similarity.shingles import normalised, words_of

_QUOTED_FROM = 4  # words of a held-out text that is looked for inside others


def eval_leakage(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Compare every input with every held-out input."""
    held_out = [text for row in context.held_out for text in _texts(row)]
    if not rows or not held_out:
        return {}
    rejections = _exact(rows, held_out)
    _near(rows, held_out, context.options.leakage, rejections)
    by = embedder_for([*(row.text for row in rows), *held_out], context)
    if by is not None:
        hits = nearest([row.text for row in rows], held_out, by, context.options.semantic)
        for row, hit in zip(rows, hits, strict=True):
            if hit is not None and row.index not in rejections:
                rejections[row.index] = (
                    f"semantic duplicate ({hit.similarity:.2f}): {held_out[hit.number][:120]!r}"
                )
    return rejections


def _texts(row: Example) -> list[str]:
    """The input; of a row that a person wrote into an evaluation file (no target is known), every text."""
    return list(input_texts(row.inputs)) if row.target == "" else [input_text(row.inputs)]


def _exact(rows: Sequence[GateRow], held_out: Sequence[str]) -> dict[int, str]:
    whole = {normalised(text) for text in held_out}
    quoted = {words_of(text) for text in held_out if len(words_of(text).split()) >= _QUOTED_FROM}
    lengths = sorted({len(text.split()) for text in quoted})
    rejections = {}
    for row in rows:
        if normalised(row.text) in whole:
            rejections[row.index] = "equals a held-out input"
            continue
        words = words_of(row.text).split()
        if any(
            " ".join(words[start : start + size]) in quoted
            for size in lengths
            for start in range(len(words) - size + 1)
        ):
            rejections[row.index] = "contains a held-out input"
    return rejections


def _near(
    rows: Sequence[GateRow], held_out: Sequence[str], threshold: float, rejections: dict[int, str]
) -> None:
    """Everything connected with a held-out text leaks, also by way of another row."""
    texts = [*(row.text for row in rows), *held_out]
    for group in near_duplicates(texts, threshold).groups:
        if any(number >= len(rows) for number in group):
            for number in group:
                if number < len(rows):
                    rejections.setdefault(rows[number].index, "near-duplicate of a held-out input")
