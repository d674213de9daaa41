"""Rows with spans that a tiny encoder can learn: what is asked for, and for how many."""

from __future__ import annotations

import random
from typing import Any

THINGS = ["card", "account", "refund", "café ☕", "Zürich Süd", "東京"]
COUNTS = ["four people", "two"]
FILLER = ["please", "hello", "where is my", "I am still waiting", "tomorrow", "and", "for"]


def span(text: str, kind: str, part: str) -> dict[str, Any]:
    """The span of a part of a text, as an import takes it."""
    start = text.index(part)
    return {"label": kind, "start": start, "end": start + len(part)}


def rows_with_spans(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Different texts, most of them with a thing, a count or both."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        thing, many = draw.choice(THINGS), draw.choice(COUNTS)
        parts = [("thing", thing)] * (draw.random() < 0.8) + [("count", many)] * (draw.random() < 0.6)
        draw.shuffle(parts)
        words = [draw.choice(FILLER)]
        for _, part in parts:
            words += [part, draw.choice(FILLER)]
        text = f"{' '.join(words)}, {1000 + number * 37 % 1000}!"
        rows.append({"text": text, "spans": [span(text, kind, part) for kind, part in parts]})
    return rows
