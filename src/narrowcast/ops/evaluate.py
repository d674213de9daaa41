"""Measure baselines, measure models, compare two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.ops.project import Project
from narrowcast.ops.stages import run_stage, stage_options
from narrowcast.stages.evaluate import EvaluateOptions, MeasureResult
from narrowcast.stages.evaluate.compare import STAGE as COMPARE
from narrowcast.stages.evaluate.result import Comparison, ModelResult


class Pair(BaseModel):
    """Two models on the same rows: `comparison.model` minus `comparison.against`."""

    report: str
    split: str
    looks: int
    first: ModelResult
    second: ModelResult
    comparison: Comparison


def baseline(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> MeasureResult:
    """Measure what a fine-tune has to beat; a measurement that is up to date is not repeated.

    Raises:
        DataError: where no data set was prepared.
        ModelError: where the base model is not there.
    """
    result = run_stage(project, "baseline", overrides, force=force, progress=progress, cancel=cancel)
    assert isinstance(result, MeasureResult)
    return result


def evaluate(
    project: Project,
    models: Sequence[str] = (),
    overrides: dict[str, Any] | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> MeasureResult:
    """Measure models (the newest trained run where none is named), gate them, compare with the baselines.

    A gate that says no is part of the result; the caller decides what follows.

    Raises:
        StageError: nothing was trained, or rows to be measured were trained on.
        ModelError: where a model is not there.
    """
    given = {**(overrides or {}), **({"models": list(models)} if models else {})}
    result = run_stage(project, "evaluate", given, force=force, progress=progress, cancel=cancel)
    assert isinstance(result, MeasureResult)
    return result


def compare(
    project: Project,
    first: str,
    second: str,
    overrides: dict[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Pair:
    """The paired difference of two models; answers that were measured before are not asked again.

    Options are those of `evaluate`, from `narrowcast.yaml` and `overrides`.
    """
    options = stage_options(project, "evaluate", overrides)
    assert isinstance(options, EvaluateOptions)
    chosen = options.model_copy(update={"models": [first], "against": [second], "gates": []})
    with project.lock("compare"):
        result = project.runner(progress, cancel).run(COMPARE, chosen)
    by_name = {each.model: each for each in result.results}
    return Pair(
        report=result.report,
        split=result.split.value,
        looks=result.looks,
        first=by_name[first],
        second=by_name[second],
        comparison=result.comparisons[0],
    )
