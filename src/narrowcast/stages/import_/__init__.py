"""A source becomes rows of the project: read, introspected, mapped; each row accepted or rejected by name."""

from __future__ import annotations

from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.import_.options import ImportPreview, Inputs, Options, Result

__all__ = ["STAGE", "ImportPreview", "Inputs", "Options", "Result"]


def _read_inputs(options: Options, ctx: StageContext) -> Inputs:
    from narrowcast.stages.import_.inputs import read_inputs  # reading Options must stay cheap

    return read_inputs(options, ctx)


def _run(inputs: Inputs, options: Options, ctx: StageContext) -> Result:
    from narrowcast.stages.import_.run import run

    return run(inputs, options, ctx)


def _preview(inputs: Inputs, options: Options, ctx: StageContext) -> ImportPreview:
    from narrowcast.stages.import_.run import preview

    return preview(inputs, options, ctx)


def _subject(inputs: Inputs, options: Options) -> str:  # noqa: ARG001 - the stage contract
    return inputs.subject


STAGE = StageDefinition(
    name="import",
    event_stage=StageName.INGESTION,
    options=Options,
    result=Result,
    read_inputs=_read_inputs,
    run=_run,
    success_code="dataset_import_run",
    failure_code="dataset_import_failed",
    cancelled_code="dataset_import_cancelled",
    command="data import",
    subject=_subject,
    preview=_preview,
)
