"""A source becomes rows of the project: read, introspected, mapped; each row accepted or rejected by name."""

from __future__ import annotations

from narrowcast.core.concerns import ROWS
from narrowcast.core.stage import StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.import_.inputs import read_inputs
from narrowcast.stages.import_.options import ImportPreview, Inputs, Options, Result
from narrowcast.stages.import_.run import preview, run

__all__ = ["STAGE", "ImportPreview", "Inputs", "Options", "Result"]


def _subject(inputs: Inputs, options: Options) -> str:  # noqa: ARG001 - the stage contract
    return inputs.subject


STAGE = StageDefinition(
    name="import",
    event_stage=StageName.INGESTION,
    options=Options,
    result=Result,
    read_inputs=read_inputs,
    run=run,
    success_code="dataset_import_run",
    failure_code="dataset_import_failed",
    cancelled_code="dataset_import_cancelled",
    command="data import",
    subject=_subject,
    preview=preview,
    holds=ROWS,
)
