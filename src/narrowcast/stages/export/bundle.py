"""The way of an export: load, write, prove, try out, describe. A bundle is whole or absent."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from narrowcast.core.bundle import BundleFile, BundleManifest, SmokeTrace, public_name, sealed_json
from narrowcast.core.example import Example
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.parity import ParityReport
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.stages.export.card import model_card
from narrowcast.stages.export.exporter import Exporter, Files, Written, WrittenFile
from narrowcast.stages.export.options import ExportResult, Inputs, Options, held_out
from narrowcast.stages.export.proof import prove, report_path
from narrowcast.stages.export.room import say_what_it_takes
from narrowcast.stages.export.verdict import public_verdict, require_success
from narrowcast.store.bundles import read_bundle
from narrowcast.store.datasets import read_split
from narrowcast.store.files import atomic_folder, sha256_file, write_text
from narrowcast.store.runs import current_run
from narrowcast.version import __version__

T = TypeVar("T")
_COMMAND = "narrowcast export"


def export(exporter: Exporter[T], inputs: Inputs, options: Options, ctx: StageContext) -> ExportResult:
    """Write the bundle of a trained run.

    Args:
        exporter: of the run's family.
        inputs: the run and what belongs to it.
        options: with the formats to write, which the family has.
        ctx: of the stage.

    Raises:
        ModelError: weights missing, a model that the format cannot take, a failed quantisation.
        StageError: `export_model_rejected`; `export_parity_failed`: no bundle is kept, the report is.
    """
    run = inputs.run
    require_success(inputs, ctx)
    say_what_it_takes(inputs, options, ctx)
    trained = exporter.load(run, ctx)
    with (
        atomic_folder(ctx.project.gguf / run.run_id) as bundle,
        exporter.write(trained, bundle, inputs, options, ctx) as written,
    ):
        files = written.files
        kept = [each for each in options.formats if each in files or each in written.folders]
        options = options.model_copy(update={"formats": kept})
        report = _proven(exporter, trained, inputs, files, options, ctx)
        smoke = exporter.try_out(inputs, files, bundle, options, ctx) if files else None
        manifest = _describe(bundle, exporter, inputs, options, written, report, smoke, ctx)
    return _result(manifest, _folders(written, bundle, manifest, ctx), ctx)


def _proven(
    exporter: Exporter[T], trained: T, inputs: Inputs, files: Files, options: Options, ctx: StageContext
) -> ParityReport | None:
    if not files:
        return None
    run_id, paths = inputs.run.run_id, {name: each.path for name, each in files.items()}
    report = prove(exporter, trained, run_id, inputs.dataset, paths, options, ctx)
    if report.verdict == "fail":
        failed = next(each for each in report.formats if each.verdict == "fail")
        raise StageError(
            f"the {failed.format} file is not the model that was measured: {failed.cause}: {failed.detail}",
            where=str(report_path(ctx.project, run_id)),
            next_command=exporter.cures[str(failed.cause)].replace(_COMMAND, f"{_COMMAND} {run_id}"),
            reason_code="export_parity_failed",
        )
    if report.verdict == "not_enough_data":
        ctx.emit(
            "export_parity_uncertain",
            f"{report.rows} rows cannot tell whether the metric fell by more than {options.tolerance}: "
            f"{report.detail}",
            {"run_id": run_id, "rows": report.rows},
        )
    return report


def _describe(
    bundle: Path,
    exporter: Exporter[Any],
    inputs: Inputs,
    options: Options,
    written: Written,
    report: ParityReport | None,
    smoke: SmokeTrace | None,
    ctx: StageContext,
) -> BundleManifest:
    """Write card and manifest; the manifest names every file but itself."""
    base = inputs.run.base
    manifest = BundleManifest(
        run_id=inputs.run.run_id,
        project=ctx.project.root.name,
        base={**base.model_dump(mode="json", exclude={"path"}), "name": public_name(base.name)},
        method=inputs.run.method,
        dataset_version=inputs.run.dataset_version,
        task=inputs.dataset.task,
        inputs=_inputs_of(read_split(ctx.project, inputs.dataset, held_out(options))),
        formats=list(options.formats),
        files=[],
        merged=_beside(written, bundle, ctx),
        sources=[
            {"locator": public_name(each.locator), "licence": each.licence, "consent": each.consent}
            for each in inputs.dataset.imports
        ],
        parity=report,
        smoke=smoke,
        verdict=public_verdict(inputs.verdict),
        code_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_text(bundle / "README.md", model_card(manifest, inputs, exporter.words, ctx.project))
    manifest = manifest.model_copy(update={"files": _files(bundle, written.files)})
    text = sealed_json(manifest)
    write_text(bundle / "bundle.json", text)
    ctx.seal({ctx.project.gguf / manifest.run_id / "bundle.json": sha256_hex(text.encode())})
    return read_bundle(bundle)


def _inputs_of(rows: Sequence[Example]) -> dict[str, bool]:
    counts = Counter(name for row in rows for name in row.inputs)
    return {name: count == len(rows) for name, count in sorted(counts.items())}


def _beside(written: Written, bundle: Path, ctx: StageContext) -> str | None:
    """The folder that is not in the bundle, where there is one."""
    outside = (each for each in written.folders.values() if not each.is_relative_to(bundle))
    return next(map(ctx.project.relative, outside), None)


def _folders(written: Written, bundle: Path, manifest: BundleManifest, ctx: StageContext) -> dict[str, Path]:
    """Format to folder, now that the bundle has its name."""
    final = ctx.project.gguf / manifest.run_id
    return {
        name: final / path.relative_to(bundle) if path.is_relative_to(bundle) else path
        for name, path in written.folders.items()
    }


def _files(bundle: Path, files: Files) -> list[BundleFile]:
    by_name = {each.path.name: (name, each) for name, each in files.items()}
    entries = []
    for path in sorted(each for each in bundle.rglob("*") if each.is_file()):
        name, written = by_name.get(path.name, ("", WrittenFile(path)))
        entries.append(
            BundleFile(
                path=path.relative_to(bundle).as_posix(),
                size_bytes=path.stat().st_size,
                sha256=sha256_file(path),
                format=name,
                tensor_types=dict(written.tables),
                fallbacks=dict(written.fallbacks),
            )
        )
    return entries


def _result(manifest: BundleManifest, folders: Mapping[str, Path], ctx: StageContext) -> ExportResult:
    bundle = ctx.project.gguf / manifest.run_id
    weights = {each.format: each for each in manifest.files if each.format}
    written = [weights[name] for name in manifest.formats if name in weights]
    files = {each.format: ctx.project.relative(bundle / each.path) for each in written}
    sizes = {each.format: each.size_bytes for each in written}
    artifacts = [ctx.project.relative(bundle), *files.values()]
    artifacts += [manifest.merged] if manifest.merged else []
    for name, folder in folders.items():
        files[name] = ctx.project.relative(folder)
        sizes[name] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    verdict = f", parity: {manifest.parity.verdict}" if manifest.parity else ""
    return ExportResult(
        run_id=manifest.run_id,
        bundle=ctx.project.relative(bundle),
        files=files,
        sizes=sizes,
        parity=manifest.parity,
        verdict=manifest.verdict,
        manifest_sha256=manifest.sha256,
        artifacts=artifacts,
        serve=_serve(manifest, bundle, ctx),
        summary=f"{', '.join(files)} written{verdict}",
        payload={
            "format": ",".join(files),
            "output_path": ctx.project.relative(bundle),
            "file_size_bytes": sum(sizes.values()),
            "files": {name: {"path": files[name], "file_size_bytes": sizes[name]} for name in files},
            "parity": manifest.parity.verdict if manifest.parity else None,
            "standing": manifest.verdict.conclusion.standing if manifest.verdict else None,
            "manifest_sha256": manifest.sha256,
        },
    )


def _serve(manifest: BundleManifest, bundle: Path, ctx: StageContext) -> str:
    """The command that serves the bundle: of a run that is not the current one, by the path of its file."""
    record = current_run(ctx.project)
    if record is not None and record.run_id == manifest.run_id:
        return "narrowcast serve"
    file = next((each.path for each in manifest.files if each.format), "")
    return f"narrowcast serve --model {shlex.quote(str(bundle / file))}"
