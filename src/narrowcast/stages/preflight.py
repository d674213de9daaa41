"""Everything a training run needs, looked at without training; a dry run writes and records nothing."""

from __future__ import annotations

from narrowcast.core.concerns import TRAINING
from narrowcast.core.stage import StageContext, StageDefinition, StageInputs
from narrowcast.reasons import StageName
from narrowcast.training.options import Options
from narrowcast.training.preflight.result import PreflightReport


def read_inputs(options: Options, ctx: StageContext) -> StageInputs:  # noqa: ARG001 - the form of a stage
    """Nothing: what cannot be read is a finding."""
    return StageInputs()


def run(inputs: StageInputs, options: Options, ctx: StageContext) -> PreflightReport:  # noqa: ARG001
    """Examine and forecast; see `narrowcast.training.preflight.report`."""
    from narrowcast.training.preflight.report import preflight_report

    return preflight_report(options, ctx)


STAGE = StageDefinition(
    name="preflight",
    event_stage=StageName.TRAINING,
    options=Options,
    result=PreflightReport,
    read_inputs=read_inputs,
    run=run,
    preview=run,
    success_code="training_preflight",
    failure_code="training_runtime_error",
    cancelled_code="training_cancelled",
    always_runs=True,
    holds=TRAINING,
)
