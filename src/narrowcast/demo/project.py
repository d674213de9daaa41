"""The demo as a project like any other: a source, a task, and stage options, written to `narrowcast.yaml`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from narrowcast.core.config import ProjectConfig
from narrowcast.core.names import ScoringMode
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.demo.text import CATEGORIES, products
from narrowcast.errors import UsageError
from narrowcast.models.embedded import EMBEDDED_NAME
from narrowcast.pipeline.project import Project, projects, slugify

DATA = Path(str(files("narrowcast.demo") / "data" / "tickets.jsonl.gz"))
NAME = "demo"

# Chosen so that the loop takes less than five minutes on two cores; see docs/demo.md for what they cost.
_MEASURED = {"limit": 150, "max_tokens": 64}
_OPTIONS: dict[str, dict[str, Any]] = {
    "prepare": {"dev": 0.05, "test": 0.07},
    "baseline": {"models": ["majority", "tfidf", "base", "base-few-shot"], "shots": 3, **_MEASURED},
    # Where two epochs would take longer, as without bf16 products, it is one.
    "train": {"epochs": 2, "budget_minutes": 5, "batch_size": 8, "learning_rate": 1e-3},
    "evaluate": _MEASURED,
    "export": {"formats": ["f16", "q8_0", "q4_k_m"], "parity_rows": 100, "max_tokens": 64},
    "verify": {"models": ["gguf:q8_0", "gguf:q4_k_m"], **_MEASURED},
}
# Other bases are ten times as slow and more: fewer rows, the recipe that suits the base, and formats that
# every width allows.
_FEWER = {"limit": 40, "max_tokens": 64}
_OTHER_BASE: dict[str, dict[str, Any]] = {
    **_OPTIONS,
    "baseline": {"models": ["majority", "tfidf", "base", "base-few-shot"], "shots": 3, **_FEWER},
    "train": {"rows": 240, "epochs": 2, "budget_minutes": 10, "batch_size": 8},
    "evaluate": _FEWER,
    "export": {"formats": ["f16", "q8_0"], "parity_rows": 40, "max_tokens": 64},
    "verify": {"models": ["gguf:q8_0"], **_FEWER},
}


def task() -> TaskSpec:
    """Message in, ticket out."""
    return TaskSpec(
        profile="structured_extraction",
        scoring_mode=ScoringMode.FIELD_MATCH,
        instruction="Write the ticket of this message as JSON.",
        output_schema={
            "type": "object",
            "properties": {
                "category": {"enum": list(CATEGORIES)},
                "priority": {"enum": ["low", "normal", "high"]},
                "order_id": {"type": ["string", "null"], "pattern": "^WF-[0-9]{4}$"},
                "product": {"enum": [*products(), None]},
                "wants_refund": {"type": "boolean"},
            },
            "required": ["category", "priority", "order_id", "product", "wants_refund"],
            "additionalProperties": False,
        },
    )


def configuration(name: str, base: str) -> ProjectConfig:
    """The whole of the demo's `narrowcast.yaml`."""
    source = {
        "locator": f"file:{DATA}",
        "mapper": "kv_to_structured",
        "map": {"text": "message", "target": "ticket"},
        "group": "scenario",
        "licence": "Apache-2.0",
    }
    options = _OPTIONS if base == EMBEDDED_NAME else _OTHER_BASE
    train = {"base": base, **options["train"]}
    return ProjectConfig.model_validate(
        {"name": name, "task": task(), "sources": [source], **options, "train": train}
    )


def open_demo(settings: Settings, name: str = NAME, base: str = "embedded") -> Project:
    """The demo's project: made where it does not exist, taken up again where it does.

    With another base than before, the options of the stages become those that suit it.

    Raises:
        UsageError: if a project of that name is something else.
    """
    if slugify(name) not in {entry.slug for entry in projects(settings)}:
        project = Project.create(settings, name, use=False)
        project.save_config(configuration(name, base))
        return project
    project = Project.open(settings, slugify(name))
    config = project.config
    if not any(source.locator.endswith(DATA.name) for source in config.sources):
        raise UsageError(
            f"there is a project {project.slug!r} that is not the demo",
            where=str(project.paths.root),
            next_command="narrowcast demo --project another-name",
        )
    if config.train.get("base") != base:
        other = configuration(config.name, base)
        project.save_config(config.model_copy(update={stage: getattr(other, stage) for stage in _OPTIONS}))
    return project
