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
from narrowcast.stages.export.options import Inputs, Options, read_inputs, stage_result
from narrowcast.store.bundles import changed_files, read_bundle

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
    from narrowcast.stages.export.room import forecast_parity

    run_id = inputs.run.run_id
    folder = ctx.project.gguf / run_id
    manifest = read_bundle(folder)
    _check_bundle(folder, manifest, ctx)
    files = _files(folder, manifest, options.files)
    ctx.progress.note(f"parity: {forecast_parity(inputs, options, ctx, len(files)).sentence}")
    settings = options.model_copy(update={"reference": _quantised_from(manifest, options)})
    report = prove(load_measured(run_id, ctx), inputs.dataset, files, settings, ctx)
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
        raise _not_ours(f"the manifest is of run {manifest.run_id}", folder / "bundle.json")
    if known and known != manifest.sha256:
        raise _not_ours("the manifest is not the one that the export wrote", folder / "bundle.json")
    changed = changed_files(folder, manifest)
    if changed:
        raise _not_ours(f"{changed[0]} is not the file that the export wrote", folder / changed[0])


def _not_ours(what: str, path: Path) -> StageError:
    return StageError(
        what, where=str(path), next_command="narrowcast export --force", reason_code="export_parity_failed"
    )


def _quantised_from(manifest: BundleManifest, options: Options) -> str:
    runtime = manifest.parity.runtime if manifest.parity else {}
    return runtime.get(QUANTISED_FROM, options.reference)


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
