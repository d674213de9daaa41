"""Export: trained weights to a bundle that is proven to be the model that was measured."""

from __future__ import annotations

from narrowcast.core.concerns import EXPORT
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.export.options import ExportResult, Inputs, Options, read_inputs


def run(inputs: Inputs, options: Options, ctx: StageContext) -> ExportResult:
    """Write and prove the bundle; see `narrowcast.stages.export.bundle`."""
    from narrowcast.plugins.optional import require
    from narrowcast.stages.export.bundle import export

    require("torch", "transformers", "gguf", "cyllama", purpose="exporting")
    return export(inputs, options, ctx)


STAGE = StageDefinition(
    name="export",
    event_stage=StageName.EXPORT,
    options=Options,
    result=ExportResult,
    read_inputs=read_inputs,
    run=run,
    success_code="export_run",
    failure_code="export_run_failed",
    version=2,  # the proof compares every tensor; bundle.json has a hash
    holds=EXPORT,
)

__all__ = ["STAGE", "ExportResult", "Inputs", "Options"]
