"""A model scores the rows that pass the required gates, by a rubric of seven dimensions."""

from __future__ import annotations

from narrowcast.core.concerns import GENERATION
from narrowcast.core.stage import StageDefinition
from narrowcast.factory.options import JudgeOptions
from narrowcast.reasons import StageName
from narrowcast.stages.judge.inputs import JudgeInputs, read_inputs
from narrowcast.stages.judge.result import JudgeResult
from narrowcast.stages.judge.run import preview, run


def _generation(inputs: JudgeInputs, options: JudgeOptions) -> str:  # noqa: ARG001 - the form of a subject
    return inputs.generation


STAGE = StageDefinition(
    name="judge",
    event_stage=StageName.FACTORY,
    options=JudgeOptions,
    result=JudgeResult,
    read_inputs=read_inputs,
    run=run,
    preview=preview,
    success_code="factory_judge_run",
    failure_code="factory_judge_failed",
    cancelled_code="factory_cancelled",
    command="data judge",
    subject=_generation,
    holds=GENERATION,
)
