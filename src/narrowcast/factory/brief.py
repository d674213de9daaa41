"""What a teacher gets to know about a project: its declared task, `task.md`, and the project's prompts."""

from __future__ import annotations

from pathlib import Path

from narrowcast.core.markdown import plain
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError
from narrowcast.store.config_file import load_config

_LONGEST_DESCRIPTION = 4_000  # characters of task.md that go into every prompt


def declared_task(project: ProjectPaths) -> TaskSpec:
    """The task in `narrowcast.yaml`.

    Raises:
        DataError: if there is none.
    """
    task = load_config(project.config).task
    if task is None:
        raise DataError(
            "the project declares no task",
            where=str(project.config),
            next_command="add `task:` to narrowcast.yaml, "
            "or narrowcast data import --locator SCHEME:PATH --auto, which proposes one",
            reason_code="factory_rows_missing",
        )
    return task


def description(project: ProjectPaths) -> str:
    """What people wrote in `task.md`. Lines marked as assumed are left out: they tell a teacher nothing."""
    path = project.root / "task.md"
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    written = [line for line in lines if line.strip() and "(assumed)" not in line]
    kept = [
        line
        for line, after in zip(written, [*written[1:], "#"], strict=True)
        if not (line.startswith("#") and after.startswith("#"))
    ]
    return plain("\n".join(kept))[:_LONGEST_DESCRIPTION]


def prompt_folder(project: ProjectPaths) -> Path:
    """`specs/generation_prompts`: the plan, the templates and the prompts."""
    return project.specs / "generation_prompts"
