"""Generate rows: by a teacher under a spending cap, from templates, or as answers to given texts."""

from __future__ import annotations

from narrowcast.core.concerns import GENERATION
from narrowcast.core.stage import StageDefinition
from narrowcast.factory.options import GenerateOptions
from narrowcast.reasons import StageName
from narrowcast.stages.generate.inputs import GenerateInputs, read_inputs
from narrowcast.stages.generate.result import GenerateResult
from narrowcast.stages.generate.run import preview, run


def _generation(inputs: GenerateInputs, options: GenerateOptions) -> str:  # noqa: ARG001 - the form of a subject
    return inputs.generation


STAGE = StageDefinition(
    name="generate",
    event_stage=StageName.FACTORY,
    options=GenerateOptions,
    result=GenerateResult,
    read_inputs=read_inputs,
    run=run,
    preview=preview,
    success_code="factory_generate_run",
    failure_code="factory_generate_failed",
    cancelled_code="factory_cancelled",
    command="data generate",
    subject=_generation,
    holds=GENERATION,
)
