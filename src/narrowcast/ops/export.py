"""Export a trained run, and prove an existing bundle again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.parity import ParityReport
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.request import StageRequest
from narrowcast.core.stage import StageContext
from narrowcast.core.work import as_work
from narrowcast.errors import UsageError
from narrowcast.pipeline.execute import run_stage, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.export import STAGE, Result
from narrowcast.store.bundles import read_bundle


def export(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Write the bundle of the newest run; one that is up to date is not written again.

    Raises:
        StageError: nothing trained, or `export_parity_failed`.
        ModelError: a format this model can not take.
    """
    return run_stage(
        project, STAGE, StageRequest(options=overrides or {}, force=force), as_work(progress, cancel)
    )


def parity(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ParityReport:
    """Run the proof again on the files of the current bundle; the verdict is an event either way.

    Args:
        project: an open project with a bundle.
        overrides: export options; `formats` picks files of the bundle, all of them by default.
        progress: where the work shows itself.
        cancel: how it is stopped.
    """
    from narrowcast.stages.export.merge import load_measured
    from narrowcast.stages.export.proof import prove

    options = stage_options(project, STAGE, overrides)
    with project.lock("parity"):
        context = StageContext(
            project=project.paths,
            settings=project.settings,
            progress=progress or NullProgress(),
            cancel=cancel or CancelToken(),
        )
        inputs = STAGE.read_inputs(options, context)
        context.run_id = inputs.run.run_id
        folder = project.paths.gguf / inputs.run.run_id
        files = _files(folder, read_bundle(folder), (overrides or {}).get("formats"))
        report = prove(load_measured(inputs.run.run_id, context), inputs.dataset, files, options, context)
    context.progress.finish()
    code = {"fail": "export_parity_failed", "not_enough_data": "export_parity_uncertain"}
    project.trail.emit(
        StageName.EXPORT,
        code.get(report.verdict, "export_parity_proven"),
        f"parity of {', '.join(files)}: {report.verdict}",
        payload=report.model_dump(mode="json", exclude={"formats"}),
        run=inputs.run.run_id,
    )
    return report


def _files(folder: Path, manifest: BundleManifest, wanted: list[str] | None) -> dict[str, Path]:
    held = {each.format: folder / each.path for each in manifest.files if each.format}
    missing = [name for name in wanted or () if name not in held]
    if missing or not held:
        raise UsageError(
            f"the bundle holds no {', '.join(missing) or 'GGUF'} file",
            where=f"{folder}; it holds {', '.join(held) or 'none'}",
            next_command=f"narrowcast export --formats {','.join(wanted or ['f16', 'q8_0'])}",
        )
    return {name: held[name] for name in wanted or manifest.formats if name in held}
