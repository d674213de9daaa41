"""Prepared projects made through the front door: rows imported, split and read back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.names import Split
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.project import Project
from tests.support.imports import import_rows

TOPICS = {
    "card": ["card", "plastic", "delivery", "envelope", "arrived", "posted"],
    "fee": ["fee", "charged", "cost", "commission", "statement", "deducted"],
    "login": ["password", "login", "code", "locked", "forgot", "device"],
}
FILLER = [
    "please",
    "hello",
    "yesterday",
    "since",
    "monday",
    "my",
    "account",
    "your",
    "bank",
    "app",
    "again",
    "still",
    "why",
    "how",
    "can",
    "you",
    "tell",
    "me",
    "about",
    "never",
    "thanks",
    "morning",
    "office",
    "mother",
    "travel",
    "holiday",
    "two",
    "weeks",
    "urgent",
    "maybe",
    "nobody",
    "answered",
    "phone",
    "twice",
    "really",
    "strange",
    "other",
    "people",
    "friend",
    "shop",
    "market",
    "summer",
    "winter",
    "number",
    "letter",
    "street",
    "city",
    "help",
    "support",
]


def message(draw: random.Random, label: str) -> str:
    """A sentence of filler with two words of its topic; one in ten words comes from another topic."""
    topic = label if draw.random() > 0.1 else draw.choice(list(TOPICS))
    words = [*draw.choices(FILLER, k=draw.randint(5, 11)), *draw.sample(TOPICS[topic], 2)]
    draw.shuffle(words)
    return " ".join(words)


def intent_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    labels = [draw.choice(list(TOPICS)) for _ in range(count)]
    return [{"text": message(draw, label), "label": label} for label in labels]


def booking_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Texts with spans by offset."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        parts = [(" ".join(draw.choices(FILLER, k=draw.randint(3, 8))), None)]
        if draw.random() < 0.8:
            parts.append((f"for {draw.randint(2, 9)}", "people"))
        if draw.random() < 0.6:
            parts.append((f"at {draw.randint(1, 12)} pm", "time"))
        parts.append((" ".join(draw.choices(FILLER, k=draw.randint(2, 6))), None))
        text, spans = "", []
        for words, kind in parts:
            text = f"{text} {words}".strip()
            if kind:
                value = words.split(" ", 1)[1]
                spans.append({"type": kind, "start": len(text) - len(value), "end": len(text)})
        rows.append({"text": text, "spans": spans})
    return rows


def ticket_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Texts with an object: one closed field, one to copy."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        topic = draw.choice(list(TOPICS))
        order = f"A-{draw.randint(100, 999)}" if draw.random() < 0.7 else None
        text = message(draw, topic) + (f" order {order}" if order else "")
        rows.append({"text": text, "ticket": {"topic": topic, "order": order}})
    return rows


Prepared = Callable[..., Project]


@pytest.fixture
def prepared(project: Project, tmp_path: Path) -> Prepared:
    """`prepared(rows)` imports rows (and `test` rows as an official test set) and prepares them."""

    def make(
        rows: list[dict[str, Any]],
        test: list[dict[str, Any]] | None = None,
        *,
        options: dict[str, Any] | None = None,
        **mapping: Any,
    ) -> Project:
        for name, part, into in (("rows", rows, None), ("test", test, Split.TEST)):
            if part is not None:
                path = tmp_path / f"{name}.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in part))
                import_rows(project, f"jsonl:{path}", auto=not mapping, into=into, **mapping)
        prepare(project, PrepareRequest(options=options or {}))
        return project

    return make


@pytest.fixture
def intents(prepared: Prepared) -> Project:
    """240 rows of three intents and 60 test rows."""
    return prepared(intent_rows(240), intent_rows(60, seed=1))
