"""Measure baselines, measure models, compare two."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowcast.core.work import Work
from narrowcast.evaluation.result import Comparison, MeasureResult, ModelResult
from narrowcast.evaluation.standing import conclusion_now
from narrowcast.ops.requests import BaselineRequest, CompareRequest, EvaluateRequest
from narrowcast.pipeline.execute import run_options, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.baseline import STAGE as BASELINE
from narrowcast.stages.compare import STAGE as COMPARE
from narrowcast.stages.evaluate import STAGE as EVALUATE


class CompareResult(BaseModel):
    """Two models on the same rows: `comparison.model` minus `comparison.against`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    report: str
    """Folder of the report, relative to the project."""
    split: str
    looks: int
    """How often that split was measured on, this time included."""
    first: ModelResult
    second: ModelResult
    comparison: Comparison


def baseline(
    project: Project, request: BaselineRequest | None = None, work: Work | None = None
) -> MeasureResult:
    """Measure what a fine-tune has to beat; a measurement that is up to date is not repeated.

    Raises:
        DataError: if no data set was prepared.
        ModelError: if the base model is not there.
    """
    request = request or BaselineRequest()
    options = run_options(project, BASELINE, request)
    return project.runner(work).run(BASELINE, options, force=request.force)


def evaluate(
    project: Project, request: EvaluateRequest | None = None, work: Work | None = None
) -> MeasureResult:
    """Measure models (the current run where none is named), gate them, compare them with the baselines.

    A gate that fails is part of the result; the caller decides what follows.

    Raises:
        StageError: nothing was trained, or rows to be measured were trained on.
        ModelError: if a model is not there.
    """
    request = request or EvaluateRequest()
    options = run_options(project, EVALUATE, request)
    result = project.runner(work).run(EVALUATE, options, force=request.force)
    for each in result.results:
        each.conclusion = conclusion_now(project.paths, result, each)
    return result


def compare(project: Project, request: CompareRequest, work: Work | None = None) -> CompareResult:
    """The paired difference of two models; answers that were measured before are not asked again.

    Options are those of `evaluate`, from `narrowcast.yaml` and the request.
    """
    options = stage_options(project, EVALUATE, request.options)
    pair = {"models": [request.first], "against": [request.second], "gates": []}
    result = project.runner(work).run(COMPARE, options.model_copy(update=pair), force=request.force)
    by_name = {each.model: each for each in result.results}
    return CompareResult(
        report=result.report,
        split=result.split.value,
        looks=result.looks,
        first=by_name[request.first],
        second=by_name[request.second],
        comparison=result.comparisons[0],
    )
