"""Texts → cleaned texts, chunks and metadata; every change is counted, and the source stays as it is."""

from __future__ import annotations

from narrowcast.core.hashing import content_hash, short
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.clean.options import CleanPreview, Inputs, Options, Result

__all__ = ["STAGE", "CleanPreview", "Inputs", "Options", "Result"]


def _read_inputs(options: Options, ctx: StageContext) -> Inputs:
    from narrowcast.stages.clean.inputs import read_inputs  # reading Options must stay cheap

    return read_inputs(options, ctx)


def _run(inputs: Inputs, options: Options, ctx: StageContext) -> Result:
    from narrowcast.stages.clean.run import run

    return run(inputs, options, ctx)


def _preview(inputs: Inputs, options: Options, ctx: StageContext) -> CleanPreview:
    from narrowcast.stages.clean.run import preview

    return preview(inputs, options, ctx)


def _subject(inputs: Inputs, options: Options) -> str:
    """A source may be cleaned in several ways; each has its own result."""
    return f"{inputs.locator} with options {short(content_hash(options.identity()))}"


STAGE = StageDefinition(
    name="clean",
    event_stage=StageName.CLEANING,
    options=Options,
    result=Result,
    read_inputs=_read_inputs,
    run=_run,
    success_code="cleaning_run",
    failure_code="cleaning_failed",
    cancelled_code="cleaning_cancelled",
    command="data clean",
    subject=_subject,
    preview=_preview,
)
