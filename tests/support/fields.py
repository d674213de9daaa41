"""Rows whose answers are objects: a kind that words say, a flag, and numbers that are copied."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from narrowcast.core.names import ScoringMode
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.pipeline.project import Project
from tests.support.cli import run_here

KINDS = {"late": ["still waiting", "is late"], "broken": ["arrived broken", "is in pieces"]}
FILLER = ["please", "hello", "as you know", "again", "today", "well", "I think", "café", "by the way"]
NAMES = ["kind", "urgent", "order", "count", "source"]


def rows_with_fields(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Different messages, some of them without an order."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        kind, urgent = draw.choice(list(KINDS)), draw.random() < 0.5
        order = f"WF-{1000 + number * 37 % 1000}" if draw.random() < 0.8 else None
        pieces = 10 + number * 7 % 90
        words = [draw.choice(FILLER), draw.choice(KINDS[kind]), f"with {pieces} pieces", draw.choice(FILLER)]
        words += ([f"order {order}"] if order else []) + (["hurry"] if urgent else [])
        draw.shuffle(words)
        ticket = {"kind": kind, "urgent": urgent, "order": order, "count": pieces, "source": "mail"}
        rows.append({"message": " ".join(words), "ticket": ticket})
    return rows


def task() -> TaskSpec:
    """Message in, ticket out."""
    kinds: list[Any] = [
        {"enum": list(KINDS)},
        {"type": "boolean"},
        {"type": ["string", "null"]},
        {"type": "integer"},
        {"const": "mail"},
    ]
    schema = {"type": "object", "properties": dict(zip(NAMES, kinds, strict=True)), "required": NAMES}
    return TaskSpec(
        profile="structured_extraction", scoring_mode=ScoringMode.FIELD_MATCH, output_schema=schema
    )


def import_fields(project: Project, home: Path, baselines: str = "majority", count: int = 240) -> None:
    """Rows imported, prepared and measured by baselines."""
    source = home / "fields.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in rows_with_fields(count)))
    project.save_config(project.config.model_copy(update={"task": task()}))
    mapping = ("--mapper", "kv_to_structured", "--map", "text=message,target=ticket")
    for words in (
        ("data", "import", "--locator", f"jsonl:{source}", *mapping),
        ("prepare", "--near-duplicates", "free"),
        ("baseline", "--models", baselines, "--samples", "200"),
    ):
        run_here("--home", project.settings.home, *words, cwd=project.paths.root)


def project_of_fields(home: Path, *how: str | Path) -> Project:
    """A project that asks for fields, with a linear model."""
    project = Project.create(Settings.from_environment({}, home=home / "work"), "tickets")
    import_fields(project, home)
    command = ("train", "--method", "linear", *how)
    run_here("--home", home / "work", *command, cwd=project.paths.root)
    return project
