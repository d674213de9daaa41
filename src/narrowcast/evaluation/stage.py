"""What every measuring stage has in common: its result, its body and its codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from narrowcast.core.concerns import MEASUREMENT
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.evaluation.inputs import MeasureInputs
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.result import MeasureResult
from narrowcast.evaluation.run import measure_and_report
from narrowcast.reasons import StageName

O = TypeVar("O", bound=MeasureOptions)  # noqa: E741 - options, as in `core.stage`


def measuring_stage(
    name: str,
    options: type[O],
    read_inputs: Callable[[O, StageContext], MeasureInputs],
    *,
    event_stage: StageName = StageName.EVAL,
    success_code: str = "eval_run",
    failure_code: str = "eval_runtime_error",
    command: str = "",
) -> StageDefinition[MeasureInputs, O, MeasureResult]:
    """A stage that measures models on held-out rows.

    Args:
        name: of the stage.
        options: its options model.
        read_inputs: chooses the models, their gates, and what they are compared with.
        event_stage: the stage name in events.
        success_code: of its success event.
        failure_code: of a failure whose error names none.
        command: how the command line calls it, where that is not its name.
    """
    return StageDefinition(
        name=name,
        event_stage=event_stage,
        options=options,
        result=MeasureResult,
        read_inputs=read_inputs,
        run=measure_and_report,
        success_code=success_code,
        failure_code=failure_code,
        command=command,
        holds=MEASUREMENT,
    )
