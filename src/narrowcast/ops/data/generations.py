"""The generations of a project: their options, their records, the one that a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.stage import StageOptions
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.factory.generation import (
    GenerationPaths,
    GenerationRecord,
    Spending,
    call_store_path,
    generated_folder,
)
from narrowcast.factory.options import TeacherOptions
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import describe_mistakes
from narrowcast.store.files import read_json
from narrowcast.teacher.budget import Caps
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.settings import Price, TeacherSettings

Options = TypeVar("Options", bound=StageOptions)

_DESCRIPTION_LIMIT = 4_000  # characters of task.md that go into every prompt


def factory_options(
    project: Project, name: str, model: type[Options], overrides: dict[str, Any] | None
) -> Options:
    """Defaults, then the section of `narrowcast.yaml`, then `overrides`.

    Raises:
        UsageError: names every unknown option and every wrong value at once.
    """
    try:
        return model.model_validate({**project.config.stage_options(name), **(overrides or {})})
    except ValidationError as error:
        raise UsageError(
            f"wrong options: {describe_mistakes(error)}",
            where=f"{name} in narrowcast.yaml or on the command line",
            next_command=f"narrowcast data {name} --help",
            reason_code="factory_request_invalid",
        ) from error


def task_of(project: Project) -> TaskSpec:
    """The declared task.

    Raises:
        DataError: where there is none.
    """
    task = project.config.task
    if task is None:
        raise DataError(
            "the project declares no task",
            where=str(project.paths.config),
            next_command="narrowcast init NAME --task classification --labels a,b, "
            "or import rows with --auto, which proposes one",
            reason_code="factory_rows_missing",
        )
    return task


def description_of(project: Project) -> str:
    """What people wrote in `task.md`; lines that are still assumed tell a teacher nothing."""
    path = project.paths.root / "task.md"
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    written = [line for line in lines if line.strip() and "(assumed)" not in line]
    kept = [
        line
        for line, after in zip(written, [*written[1:], "#"], strict=True)
        if not (line.startswith("#") and after.startswith("#"))
    ]
    return "\n".join(kept)[:_DESCRIPTION_LIMIT]


def prompt_folder(project: Project) -> Path:
    """`specs/generation_prompts`."""
    return project.paths.specs / "generation_prompts"


def price_of(options: TeacherOptions) -> Price | None:
    """What was given; None counts tokens alone."""
    if options.price_prompt is None or options.price_completion is None:
        return None
    return Price(prompt=options.price_prompt, completion=options.price_completion)


def teacher_client(
    project: Project,
    settings: TeacherSettings,
    run: str,
    options: TeacherOptions,
    progress: Progress,
    cancel: CancelToken,
) -> TeacherClient:
    """The process that makes the paid calls of `run`."""
    return TeacherClient(
        settings,
        call_store_path(project.paths),
        run,
        caps=Caps(tokens=options.cap_tokens, cost=options.cap_cost),
        price=price_of(options),
        attempts=options.attempts,
        concurrency=options.concurrency,
        timeout=options.timeout,
        progress=progress,
        cancel=cancel,
    )


def spending_of(teacher: TeacherClient, options: TeacherOptions, *, stored_calls: int = 0) -> Spending:
    """What the run has cost by now."""
    return Spending(
        calls=teacher.spent.answered,
        stored_calls=stored_calls,
        lost_calls=teacher.spent.lost,
        tokens=teacher.tokens,
        cost=teacher.cost,
        cap_tokens=options.cap_tokens,
        cap_cost=options.cap_cost,
    )


def generations(project: Project) -> list[GenerationRecord]:
    """Every generation with a record, the one written last at the end."""
    folder = generated_folder(project.paths)
    found = folder.glob("*/generation.json") if folder.is_dir() else ()
    records = sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    return [GenerationRecord.model_validate(read_json(path)) for path in records]


def find_generation(project: Project, ref: str | None) -> tuple[GenerationRecord, GenerationPaths]:
    """The generation of that id, or the one written last.

    Raises:
        DataError: where there is none.
    """
    known = generations(project)
    chosen = next((each for each in reversed(known) if ref in (None, each.id)), None)
    if chosen is None:
        raise DataError(
            f"there is no generation {ref}" if ref else "nothing was generated in this project",
            where=", ".join(each.id for each in known) or project.slug,
            next_command="narrowcast data generate, or narrowcast data gate --rows FILE",
            reason_code="factory_rows_missing",
        )
    return chosen, GenerationPaths(project.paths, chosen.id)
