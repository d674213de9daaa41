"""Generated rows through the gates. What passes becomes an import; the rest is kept with gate and reason."""

from __future__ import annotations

from narrowcast.core.concerns import GENERATION
from narrowcast.core.stage import StageDefinition
from narrowcast.factory.options import GateOptions
from narrowcast.reasons import StageName
from narrowcast.stages.gate.inputs import GateInputs, read_inputs
from narrowcast.stages.gate.result import GateResult
from narrowcast.stages.gate.run import preview, run


def _generation(inputs: GateInputs, options: GateOptions) -> str:  # noqa: ARG001 - the form of a subject
    return inputs.generation


STAGE = StageDefinition(
    name="gate",
    event_stage=StageName.FACTORY,
    options=GateOptions,
    result=GateResult,
    read_inputs=read_inputs,
    run=run,
    preview=preview,
    success_code="factory_gate_run",
    failure_code="factory_gate_failed",
    cancelled_code="factory_cancelled",
    command="data gate",
    subject=_generation,
    holds=GENERATION,
)
