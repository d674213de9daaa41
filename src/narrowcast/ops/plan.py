"""What `narrowcast run` would do, and why, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from narrowcast.core.stage import StageDefinition, StageOptions
from narrowcast.errors import NarrowcastError, UsageError
from narrowcast.experiments.tournament.choose import announced
from narrowcast.experiments.tournament.record import (
    expected_lineup,
    held_before,
    is_open,
    last_limits,
    question_of,
)
from narrowcast.experiments.tournament.result import Limits
from narrowcast.ops.imports import source_options, withdrawn
from narrowcast.ops.requests import RunRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import PIPELINE, stage
from narrowcast.stages.import_ import STAGE as IMPORT


class PlannedStep(BaseModel):
    """One stage of the plan, or one source."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    stage: str
    runs: bool
    reason: str
    command: str
    """What runs this step alone, or the whole loop where nothing does."""


def plan(project: Project, request: RunRequest | None = None) -> list[PlannedStep]:
    """Each source, then each stage in order; after the first stale one all run, as their inputs change.

    Raises:
        UsageError: for wrong options of any stage.
    """
    limits, named = limits_of(request) if request else last_limits(project), request is not None
    request = request or RunRequest()
    stages = planned_options(project, request.until, request.rows)
    steps = [
        _planned(f"remove {each.id}", f"{each.locator} left narrowcast.yaml") for each in withdrawn(project)
    ]
    for source in source_options(project):
        name = f"import {source.model_dump()['locator']}"
        steps.append(_step(project, name, IMPORT, source))
    for name, options in stages.items():
        first = next((each.stage for each in steps if each.runs), "")
        if name == "train" and (limits.only or is_open(project)):
            steps.append(_tournament(project, limits, request.rows, first, name_entrants=named))
        elif first:
            steps.append(_planned(name, f"{first} runs first"))
        else:
            steps.append(_step(project, name, stage(name), options))
    return steps


def limits_of(request: RunRequest) -> Limits:
    """What the entrants of a tournament may take."""
    return Limits(
        only=request.only,
        minutes=request.budget_minutes,
        latency_ms=request.max_latency_ms,
        size_mb=request.max_size_mb,
    )


_LOOP = "narrowcast run"
_TOURNAMENT = "a tournament: every method that suits the task is trained, the best on dev rows is taken"
_AFTER_PREPARE = ("baseline",)  # what may run first and leaves the rows as they are
_QUICK = {"train": "rows", "baseline": "limit", "evaluate": "limit", "verify": "limit"}


def planned_options(
    project: Project, until: str | None = None, rows: int | None = None
) -> dict[str, StageOptions]:
    """The options of every stage up to `until`, validated together; of a quick run with its number of rows.

    Raises:
        UsageError: with the mistakes of all stages.
    """
    options: dict[str, StageOptions] = {}
    mistakes = []
    for name in _stage_names(until):
        try:
            quick = {_QUICK[name]: rows} if rows and name in _QUICK else {}
            options[name] = stage_options(project, stage(name), quick)
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("; ".join(mistakes), next_command=f"correct {project.paths.config}")
    return options


def _stage_names(until: str | None) -> Sequence[str]:
    names = list(PIPELINE)
    if until is None:
        return names
    if until not in names:
        raise UsageError("no such stage", where=until, next_command=f"use one of: {', '.join(names)}")
    return names[: names.index(until) + 1]


def _step(
    project: Project, name: str, definition: StageDefinition[Any, Any, Any], options: Any
) -> PlannedStep:
    try:
        reason = project.runner().plan(definition, options).stale_because
    except NarrowcastError as error:
        reason = str(error)
    return _planned(name, reason)


def _tournament(
    project: Project, limits: Limits, rows: int | None, first: str, *, name_entrants: bool
) -> PlannedStep:
    """The training of several, of which one is taken; forecasts measure the machine, so only on request."""
    overrides = {"rows": rows} if rows else {}
    try:
        if first and first not in _AFTER_PREPARE:
            why = f"{first} runs first"
        else:
            question = question_of(project, limits, overrides)
            why = f"{first} runs first" if first else held_before(project, question)[1]
            if why and name_entrants:
                entering = expected_lineup(project, limits, overrides, question)
                why = "; ".join([why, *announced(entering)])
    except NarrowcastError as error:
        why = str(error)
    return _planned("train", f"{_TOURNAMENT} ({why})" if why else "", _LOOP)


def _planned(name: str, reason: str, command: str = "") -> PlannedStep:
    """A step that runs where there is a reason."""
    alone = name in PIPELINE and name != "verify"
    command = command or (f"narrowcast {stage(name).words}" if alone else _LOOP)
    return PlannedStep(stage=name, runs=bool(reason), reason=reason or "up to date", command=command)
