"""Export a trained run, and prove an existing bundle again."""

from __future__ import annotations

from narrowcast.core.parity import ParityReport
from narrowcast.core.work import Work
from narrowcast.ops.requests import ExportRequest, ParityRequest
from narrowcast.pipeline.execute import run_options, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.export import STAGE, ExportResult
from narrowcast.stages.export.prove_again import STAGE as PARITY
from narrowcast.stages.export.prove_again import ParityOptions
from narrowcast.store.runs import current_run
from narrowcast.store.verdicts import read_verdict


def export(project: Project, request: ExportRequest | None = None, work: Work | None = None) -> ExportResult:
    """Write the bundle of the current run; one that is up to date is not written again.

    Raises:
        StageError: nothing trained, or `export_parity_failed`.
        ModelError: a format this model cannot take.
    """
    request = request or ExportRequest()
    return project.runner(work).run(STAGE, run_options(project, STAGE, request), force=request.force)


def parity(project: Project, request: ParityRequest | None = None, work: Work | None = None) -> ParityReport:
    """Run the proof again on the files of the current bundle; the verdict is an event either way.

    Options are those of `export`; `formats` picks files of the bundle, all of them by default.

    Raises:
        UsageError: the bundle has no file of a wanted format.
        ModelError: there is no bundle, or its manifest is damaged.
    """
    request = request or ParityRequest()
    options = stage_options(project, STAGE, request.options)
    files = request.options.get("formats") or []
    again = ParityOptions.model_validate({**options.model_dump(), "files": files})
    return project.runner(work).run(PARITY, again).report


def model_refused(project: Project) -> bool:
    """Whether the current run failed a gate or lost to a baseline, so that exporting it takes force."""
    record = current_run(project.paths)
    verdict = read_verdict(project.paths, record.run_id) if record else None
    return verdict is not None and verdict.blocks


def must_force(project: Project) -> bool:
    """Whether the export of such a model must be forced; one that is up to date need not."""
    options = stage_options(project, STAGE)
    return model_refused(project) and bool(project.runner().plan(STAGE, options).stale_because)
