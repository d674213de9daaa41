"""Texts → cleaned texts, chunks and metadata; every change is counted, and the source stays as it is."""

from __future__ import annotations

from narrowcast.core.concerns import ROWS
from narrowcast.core.hashing import content_hash, short
from narrowcast.core.stage import StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.clean.inputs import read_inputs
from narrowcast.stages.clean.options import CleanPreview, Inputs, Options, Result
from narrowcast.stages.clean.run import preview, run

__all__ = ["STAGE", "CleanPreview", "Inputs", "Options", "Result"]


def _subject(inputs: Inputs, options: Options) -> str:
    """A source may be cleaned in several ways; each has its own result."""
    return f"{inputs.locator} with options {short(content_hash(options.identity()))}"


STAGE = StageDefinition(
    name="clean",
    version=4,  # findings in names of columns are counted as well
    event_stage=StageName.CLEANING,
    options=Options,
    result=Result,
    read_inputs=read_inputs,
    run=run,
    success_code="cleaning_run",
    failure_code="cleaning_failed",
    cancelled_code="cleaning_cancelled",
    command="data clean",
    subject=_subject,
    preview=preview,
    holds=ROWS,
)
