"""The proof of an export, repeated on the files of the current bundle."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.parity import ParityReport
from narrowcast.core.stage import StageContext, StageDefinition, StageResult
from narrowcast.errors import UsageError
from narrowcast.reasons import StageName
from narrowcast.stages.export.options import Inputs, Options, read_inputs
from narrowcast.store.bundles import read_bundle

_CODES = {"fail": "export_parity_failed", "not_enough_data": "export_parity_uncertain"}


class ParityOptions(Options):
    """Prove the files of the bundle again."""

    files: list[str] = Field(default_factory=list)
    """Formats to prove; by default every GGUF file of the bundle."""


class ParityResult(StageResult):
    """The verdict."""

    report: ParityReport


def run(inputs: Inputs, options: ParityOptions, ctx: StageContext) -> ParityResult:
    """Compare the bundle's files with the trained model on held-out rows."""
    from narrowcast.stages.export.merge import load_measured
    from narrowcast.stages.export.proof import prove

    run_id = inputs.run.run_id
    folder = ctx.project.gguf / run_id
    files = _files(folder, read_bundle(folder), options.files)
    report = prove(load_measured(run_id, ctx), inputs.dataset, files, options, ctx)
    return ParityResult(
        report=report,
        summary=f"parity of {', '.join(files)}: {report.verdict}",
        payload=report.model_dump(mode="json", exclude={"formats"}),
        reason_code=_CODES.get(report.verdict, "export_parity_proven"),
    )


STAGE = StageDefinition(
    name="parity",
    event_stage=StageName.EXPORT,
    options=ParityOptions,
    result=ParityResult,
    read_inputs=read_inputs,
    run=run,
    success_code="export_parity_proven",
    failure_code="export_run_failed",
    always_runs=True,
)


def _files(folder: Path, manifest: BundleManifest, wanted: list[str]) -> dict[str, Path]:
    held = {each.format: folder / each.path for each in manifest.files if each.format}
    missing = [name for name in wanted if name not in held]
    if missing or not held:
        raise UsageError(
            f"the bundle holds no {', '.join(missing) or 'GGUF'} file",
            where=f"{folder}; it holds {', '.join(held) or 'none'}",
            next_command=f"narrowcast export --formats {','.join(wanted or ['f16', 'q8_0'])}",
        )
    return {name: held[name] for name in wanted or manifest.formats if name in held}
