"""Prepared projects whose answers are labels, made through the command line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.testing.tiny import build_tiny_encoder
from tests.support.cli import Cli

TOPICS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}
FILLER = [f"{a}{b}" for a in ("pa", "lo", "mi", "te", "ru") for b in ("ke", "no", "si", "da", "vu", "ro")]

Prepare = Callable[..., None]


def messages(count: int, labels: Callable[[random.Random], list[str]], seed: int = 0) -> list[dict[str, Any]]:
    """Different texts, in which one word of each of their labels stands."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        own = labels(draw)
        words = [*draw.choices(FILLER, k=8), *(draw.choice(TOPICS[each]) for each in own)]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "labels": own})
    return rows


def one_label(count: int = 160) -> list[dict[str, Any]]:
    """Rows of a classification."""
    rows = messages(count, lambda draw: [draw.choice(list(TOPICS))])
    return [{"text": row["text"], "label": row["labels"][0]} for row in rows]


def label_sets(count: int = 160) -> list[dict[str, Any]]:
    """Rows that have any number of labels."""
    return messages(count, lambda draw: [each for each in TOPICS if draw.random() < 0.5])


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return build_tiny_encoder(tmp_path / "encoder")


@pytest.fixture
def prepared(project: Project, cli: Cli, tmp_path: Path) -> Prepare:
    """Imports rows, prepares them and measures the weakest baseline and a strong one."""

    def make(rows: list[dict[str, Any]], baselines: str = "majority,svm") -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        cli("data", "import", "--locator", f"jsonl:{path}", "--auto")
        cli("prepare")
        cli("baseline", "--models", baselines, "--samples", "200")

    return make
