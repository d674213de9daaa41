"""The proof of an export, repeated on the files of the current bundle."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.concerns import EXPORT
from narrowcast.core.parity import QUANTISED_FROM, ParityReport
from narrowcast.core.stage import StageContext, StageDefinition, StageResult
from narrowcast.errors import StageError, UsageError
from narrowcast.reasons import StageName
from narrowcast.stages.export.options import Inputs, Options, read_run, stage_result
from narrowcast.store.bundles import changed_files, read_bundle

_CODES = {"fail": "export_parity_failed", "not_enough_data": "export_parity_uncertain"}


class ParityOptions(Options):
    """Prove the files of the bundle again."""

    files: list[str] = Field(default_factory=list)
    """Formats to prove; by default every file of the bundle that answers."""


class ParityResult(StageResult):
    """The verdict."""

    report: ParityReport


def run(inputs: Inputs, options: ParityOptions, ctx: StageContext) -> ParityResult:
    """Compare the bundle's files with the trained model on held-out rows."""
    from narrowcast.plugins.optional import require
    from narrowcast.stages.export.exporter import exporter_of
    from narrowcast.stages.export.proof import prove
    from narrowcast.stages.export.room import forecast_parity

    run_id, exporter = inputs.run.run_id, exporter_of(inputs.run)
    require(*exporter.room(inputs, options, ctx).packages, purpose="a proof")
    folder = ctx.project.gguf / run_id
    manifest = read_bundle(folder)
    _check_bundle(folder, manifest, ctx)
    files = _files(folder, manifest, options.files)
    settings = options.model_copy(
        update={"reference": _quantised_from(manifest, options), "formats": list(files)}
    )
    ctx.progress.note(f"parity: {forecast_parity(inputs, settings, ctx, len(files)).sentence}")
    report = prove(exporter, exporter.load(inputs.run, ctx), run_id, inputs.dataset, files, settings, ctx)
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
    read_inputs=read_run,
    run=run,
    success_code="export_parity_proven",
    failure_code="export_run_failed",
    always_runs=True,
    holds=EXPORT,
)


def _check_bundle(folder: Path, manifest: BundleManifest, ctx: StageContext) -> None:
    """Before anything is loaded: every file, and the manifest, are those that the export wrote.

    Raises:
        StageError: names the file.
    """
    written = stage_result(ctx.project, "export") or {}
    known = written.get("manifest_sha256") if written.get("run_id") == manifest.run_id else None
    if manifest.run_id != folder.name:
        raise _not_ours(f"the manifest is of run {manifest.run_id}", folder, "bundle.json")
    if known and known != manifest.sha256:
        raise _not_ours("the manifest is not the one that the export wrote", folder, "bundle.json")
    changed = changed_files(folder, manifest)
    if changed:
        raise _not_ours(f"{changed[0]} is not the file that the export wrote", folder, changed[0])


def _not_ours(what: str, folder: Path, file: str) -> StageError:
    return StageError(
        what,
        where=str(folder / file),
        next_command=f"narrowcast export {folder.name} --force",
        reason_code="export_parity_failed",
    )


def _quantised_from(manifest: BundleManifest, options: Options) -> str:
    runtime = manifest.parity.runtime if manifest.parity else {}
    return runtime.get(QUANTISED_FROM, options.reference)


def _files(folder: Path, manifest: BundleManifest, wanted: list[str]) -> dict[str, Path]:
    held = {each.format: folder / each.path for each in manifest.files if each.format}
    missing = [name for name in wanted if name not in held]
    if missing or not held:
        raise UsageError(
            f"the bundle holds no {', '.join(missing) or 'exported'} file",
            where=f"{folder}; it holds {', '.join(held) or 'none'}",
            next_command=f"narrowcast export {folder.name} --formats {','.join(wanted)}"
            if wanted
            else f"narrowcast export {folder.name}",
        )
    return {name: held[name] for name in wanted or manifest.formats if name in held}
