"""Measure baselines, measure models, compare two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.request import StageRequest
from narrowcast.core.work import as_work
from narrowcast.evaluation.result import Comparison, MeasureResult, ModelResult
from narrowcast.pipeline.execute import run_stage, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.baseline import STAGE as BASELINE
from narrowcast.stages.compare import STAGE as COMPARE
from narrowcast.stages.evaluate import STAGE as EVALUATE


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
    request = StageRequest(options=overrides or {}, force=force)
    return run_stage(project, BASELINE, request, as_work(progress, cancel))


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
    request = StageRequest(options=given, force=force)
    return run_stage(project, EVALUATE, request, as_work(progress, cancel))


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
    options = stage_options(project, EVALUATE, overrides)
    chosen = options.model_copy(update={"models": [first], "against": [second], "gates": []})
    result = project.runner(as_work(progress, cancel)).run(COMPARE, chosen)
    by_name = {each.model: each for each in result.results}
    return Pair(
        report=result.report,
        split=result.split.value,
        looks=result.looks,
        first=by_name[first],
        second=by_name[second],
        comparison=result.comparisons[0],
    )
