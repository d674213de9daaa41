"""The way of an export: merge, write, quantise, prove, try out, describe. A bundle is whole or absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy2, copytree

from narrowcast.core.bundle import BundleFile, BundleManifest, SmokeTrace, public_name, sealed_json
from narrowcast.core.example import Example
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.parity import ParityReport
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.models.gguf.quantise import TensorTypes
from narrowcast.stages.export.card import model_card
from narrowcast.stages.export.gguf_files import credit_of, without_unfit, write_gguf_files
from narrowcast.stages.export.merge import Trained, load_measured, merged_folder
from narrowcast.stages.export.options import ExportResult, Inputs, Options, held_out
from narrowcast.stages.export.proof import prove, report_path
from narrowcast.stages.export.room import say_what_it_takes
from narrowcast.stages.export.smoke import smoke_trace, write_modelfile
from narrowcast.stages.export.verdict import require_success
from narrowcast.store.bundles import read_bundle
from narrowcast.store.datasets import read_split
from narrowcast.store.files import atomic_folder, sha256_file, write_text
from narrowcast.version import __version__

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
)

GgufFiles = Mapping[str, tuple[Path, TensorTypes]]


def export(inputs: Inputs, options: Options, ctx: StageContext) -> ExportResult:
    """Write the bundle of a trained run.

    Raises:
        ModelError: weights missing, an architecture that GGUF cannot take, a failed quantisation.
        StageError: `export_model_rejected`; `export_parity_failed`: no bundle is kept, the report is.
    """
    run = inputs.run
    require_success(inputs, ctx)
    _check_adapter(inputs, options)
    say_what_it_takes(inputs, options, ctx)
    trained = load_measured(run.run_id, ctx)
    target = ctx.project.gguf / run.run_id
    with (
        merged_folder(trained, ctx, keep="merged" in options.formats) as merged,
        atomic_folder(target) as bundle,
    ):
        name = f"{ctx.project.root.name} {run.run_id}"
        options = without_unfit(merged, options, ctx)
        files = write_gguf_files(merged, bundle, options, name, credit_of(run.base), ctx)
        for file in _TOKENIZER_FILES:
            if (merged / file).exists():
                copy2(merged / file, bundle / file)
        if "adapter" in options.formats:
            copytree(ctx.project.adapters / run.run_id, bundle / "adapter")
        report = _proven(trained, inputs, files, options, ctx)
        smoke = smoke_trace(inputs, files, options, ctx) if files else None
        if files:
            write_modelfile(inputs, files, bundle, ctx)
        manifest = _describe(bundle, inputs, options, files, report, smoke, ctx)
    return _result(manifest, ctx)


def _check_adapter(inputs: Inputs, options: Options) -> None:
    if "adapter" in options.formats and inputs.run.method == "full":
        raise StageError(
            f"run {inputs.run.run_id} trained all weights and has no adapter",
            next_command="narrowcast export --formats merged,f16,q8_0",
            reason_code="export_artifact_missing",
        )


def _proven(
    trained: Trained, inputs: Inputs, files: GgufFiles, options: Options, ctx: StageContext
) -> ParityReport | None:
    if not files:
        return None
    report = prove(trained, inputs.dataset, {name: path for name, (path, _) in files.items()}, options, ctx)
    if report.verdict == "fail":
        failed = next(each for each in report.formats if each.verdict == "fail")
        raise StageError(
            f"the {failed.format} file is not the model that was measured: {failed.cause}: {failed.detail}",
            where=str(report_path(ctx.project, trained.run_id)),
            next_command=_CURES[str(failed.cause)],
            reason_code="export_parity_failed",
        )
    if report.verdict == "not_enough_data":
        ctx.emit(
            "export_parity_uncertain",
            f"{report.rows} rows cannot tell whether the metric fell by more than {options.tolerance}: "
            f"{report.detail}",
            {"run_id": trained.run_id, "rows": report.rows},
        )
    return report


_CURES = {
    "file": "narrowcast export --force",
    "run": "narrowcast export --force",
    "weights": "narrowcast export --force, and report it as a bug if it happens again",
    "metadata": "narrowcast export --force, and report it as a bug if it happens again",
    "template": "narrowcast parity --json, and report the chat template as a bug",
    "tokenizer": "narrowcast export --formats merged",
    "eos": "narrowcast parity --json, and report the tokenizer's configuration as a bug",
    "numerics": "narrowcast export --reference f32 --formats f32",
    "quantisation": "narrowcast export --formats f16,q8_0",
}


def _describe(
    bundle: Path,
    inputs: Inputs,
    options: Options,
    files: GgufFiles,
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
        merged=_merged_path(inputs, options, ctx),
        sources=[
            {"locator": public_name(each.locator), "licence": each.licence, "consent": each.consent}
            for each in inputs.dataset.imports
        ],
        parity=report,
        smoke=smoke,
        verdict=inputs.verdict,
        code_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_text(bundle / "README.md", model_card(manifest, inputs, ctx.project))
    manifest = manifest.model_copy(update={"files": _files(bundle, files)})
    text = sealed_json(manifest)
    write_text(bundle / "bundle.json", text)
    ctx.seal({ctx.project.gguf / manifest.run_id / "bundle.json": sha256_hex(text.encode())})
    return read_bundle(bundle)


def _inputs_of(rows: Sequence[Example]) -> dict[str, bool]:
    counts = Counter(name for row in rows for name in row.inputs)
    return {name: count == len(rows) for name, count in sorted(counts.items())}


def _merged_path(inputs: Inputs, options: Options, ctx: StageContext) -> str | None:
    path = ctx.project.merged / inputs.run.run_id
    return ctx.project.relative(path) if "merged" in options.formats else None


def _files(bundle: Path, files: GgufFiles) -> list[BundleFile]:
    by_name = {path.name: (name, types) for name, (path, types) in files.items()}
    entries = []
    for path in sorted(each for each in bundle.rglob("*") if each.is_file()):
        name, types = by_name.get(path.name, ("", None))
        entries.append(
            BundleFile(
                path=path.relative_to(bundle).as_posix(),
                size_bytes=path.stat().st_size,
                sha256=sha256_file(path),
                format=name,
                tensor_types=types.counts if types else {},
                fallbacks=types.fallbacks if types else {},
            )
        )
    return entries


def _result(manifest: BundleManifest, ctx: StageContext) -> ExportResult:
    bundle = ctx.project.gguf / manifest.run_id
    weights = {each.format: each for each in manifest.files if each.format}
    written = [weights[name] for name in manifest.formats if name in weights]
    files = {each.format: ctx.project.relative(bundle / each.path) for each in written}
    sizes = {each.format: each.size_bytes for each in written}
    artifacts = [ctx.project.relative(bundle), *files.values()]
    if "adapter" in manifest.formats:
        adapter = [each for each in manifest.files if each.path.startswith("adapter/")]
        files["adapter"] = ctx.project.relative(bundle / "adapter")
        sizes["adapter"] = sum(each.size_bytes for each in adapter)
    if manifest.merged:
        artifacts.append(manifest.merged)
        files["merged"] = manifest.merged
        merged = (ctx.project.root / manifest.merged).glob("*.safetensors")
        sizes["merged"] = sum(path.stat().st_size for path in merged)
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
