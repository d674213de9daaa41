"""What a training run would meet, without running it: problems with their fixes, recipe, forecast, rows."""

from __future__ import annotations

from pydantic import ConfigDict

from narrowcast.core.work import Work
from narrowcast.experiments.autopilot import Choice, choose
from narrowcast.ops.requests import PreflightRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.stages.preflight import STAGE
from narrowcast.stages.train import STAGE as TRAIN
from narrowcast.training.preflight.result import PreflightReport


class PreflightResult(PreflightReport):
    """Everything that preflight found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    autopilot: Choice | None = None
    """What it chose, and the bases it looked at; None where it was not asked."""


def preflight(
    project: Project, request: PreflightRequest | None = None, work: Work | None = None
) -> PreflightResult:
    """Look at everything a run needs, and try a few optimizer steps where no problem forbids it.

    Nothing is written where the request asks for no record. The option `probe_steps=0` tries no step.

    Raises:
        CancelledError: on request.
        StageError: `training_oom` or `training_diverged`, from the steps that were tried.
    """
    request = request or PreflightRequest()
    stage_options(project, stage("export"))  # a mistake in them stops an export
    choice = choose(project, request.options) if request.autopilot else None
    options = stage_options(project, TRAIN, {**(choice.options if choice else {}), **request.options})
    runner = project.runner(work)
    if request.record:
        report = runner.run(STAGE, options, force=request.force)
    else:
        report = runner.preview(STAGE, options, force=request.force)
    if choice and report.plan:
        report.plan.recipe = {**choice.options, **report.plan.recipe}
        report.plan.reasons = {**choice.reasons, **report.plan.reasons}
    return PreflightResult(**dict(report), autopilot=choice)
