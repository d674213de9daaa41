"""Export: trained weights to a bundle that is proven to be the model that was measured."""

from __future__ import annotations

from narrowcast.core.concerns import EXPORT
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.export.options import (
    ExportPreview,
    ExportResult,
    Inputs,
    Options,
    read_inputs,
    with_formats,
)


def run(inputs: Inputs, options: Options, ctx: StageContext) -> ExportResult:
    """Write and prove the bundle; see `narrowcast.stages.export.bundle`."""
    from narrowcast.plugins.optional import require
    from narrowcast.stages.export.bundle import export
    from narrowcast.stages.export.exporter import exporter_of

    exporter = exporter_of(inputs.run)
    require(*exporter.room(inputs, options, ctx).packages, purpose="exporting")
    return export(exporter, inputs, with_formats(options, inputs.run), ctx)


def preview(inputs: Inputs, options: Options, ctx: StageContext) -> ExportPreview:
    """Time, memory and disk.

    Raises:
        StageError: as `run` would, if the model failed a gate or lost to a baseline.
    """
    from narrowcast.stages.export.room import forecast_export
    from narrowcast.stages.export.verdict import require_success

    require_success(inputs, ctx)
    chosen = with_formats(options, inputs.run)
    return ExportPreview(
        run_id=inputs.run.run_id, formats=list(chosen.formats), forecast=forecast_export(inputs, chosen, ctx)
    )


STAGE = StageDefinition(
    name="export",
    event_stage=StageName.EXPORT,
    options=Options,
    result=ExportResult,
    read_inputs=read_inputs,
    run=run,
    preview=preview,
    success_code="export_run",
    failure_code="export_run_failed",
    version=2,  # the proof compares every tensor; bundle.json has a hash
    holds=EXPORT,
)

__all__ = ["STAGE", "ExportResult", "Inputs", "Options"]
