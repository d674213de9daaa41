"""Options of an export, what it reads, what it returns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.parity import ParityReport
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.request import CommandLine
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext, StageInputs, StageOptions, StageResult
from narrowcast.core.verdict import RunVerdict
from narrowcast.errors import ModelError, StageError
from narrowcast.store.datasets import load_manifest
from narrowcast.store.first_command import before_run
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import load_record
from narrowcast.store.verdicts import read_verdict

Format = Literal["adapter", "merged", "f32", "f16", "bf16", "q8_0", "q4_k_m", "q5_k_m", "q6_k", "onnx"]

LANGUAGE_MODEL_FORMATS: tuple[Format, ...] = ("f16", "q8_0", "q4_k_m")
"""Written of a language model where no formats are asked for."""


class Options(StageOptions):
    """Options of `narrowcast export`; their descriptions are the command's help."""

    run: Annotated[str | None, CommandLine(positional=True, metavar="RUN")] = None
    """Run to export; by default the current one."""
    formats: list[Format] = Field(default_factory=list)
    """Formats to write; by default f16,q8_0,q4_k_m of a language model, onnx of a classifier. Adapter and
    merged are safetensors, the others of a language model GGUF."""
    reference: Literal["f16", "bf16", "f32"] = "f16"
    """Floating-point type that is quantised."""
    parity_rows: int = Field(default=200, ge=1)
    """Number of held-out rows that the exported files and the trained model both answer."""
    parity_split: Literal["dev", "test", "golden"] = "dev"
    """Split of these rows; dev costs no access to the test split."""
    tolerance: float = Field(default=0.03, ge=0, le=1)
    """Maximum drop of the task metric in a quantised file."""
    max_tokens: int = Field(default=256, ge=1)
    """Maximum length of an answer in parity and smoke tests, in tokens."""

    def identity(self) -> dict[str, Any]:
        """Open formats count as those of a language model, so that keys of earlier versions hold."""
        left_out = set() if self.run else {"run"}  # keys of versions without it hold
        values = self.model_dump(mode="json", exclude=left_out)
        return {**values, "formats": self.formats or list(LANGUAGE_MODEL_FORMATS)}


class Inputs(StageInputs):
    """The trained run, the data set it was trained on, and the records the model card quotes."""

    run: RunManifest
    dataset: DatasetManifest
    evaluated: list[str]
    """Stages whose figures on this data set the card can quote."""
    verdict: RunVerdict | None = None
    """What the last evaluation on this data set said of the run."""


class ExportResult(StageResult):
    """The bundle."""

    run_id: str
    bundle: str
    """Folder, relative to the project."""
    files: dict[str, str]
    """Format to file or folder, relative to the project."""
    sizes: dict[str, int]
    """Format to bytes."""
    parity: ParityReport | None = None
    verdict: RunVerdict | None = None
    """What the last evaluation before the export said of the run."""
    manifest_sha256: str = ""
    """Of `bundle.json`; empty where an older version wrote it."""
    serve: str = "narrowcast serve"
    """The command that serves the bundle."""


class ExportPreview(BaseModel):
    """What an export would take; nothing was written."""

    run_id: str
    formats: list[str]
    """That would be written."""
    forecast: WorkForecast


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """The run that was named, or the current one, and what belongs to it.

    Raises:
        StageError: if nothing was trained, or on another version of the data; `export_format_unsuited`.
        ModelError: if there is no such run.
    """
    inputs = read_run(options, ctx)
    with_formats(options, inputs.run)
    return inputs


def with_formats(options: Options, run: RunManifest) -> Options:
    """The options with the formats that are written: those asked for, or the usual ones of the run's family.

    Raises:
        StageError: `export_format_unsuited`, for a format that the family does not have.
    """
    from narrowcast.stages.export.exporter import exporter_of

    exporter = exporter_of(run)
    other = [name for name in options.formats if name not in exporter.formats]
    if other:
        raise StageError(
            f"run {run.run_id} is {exporter.what}, which has no format {', '.join(other)}",
            where=f"there are {', '.join(exporter.formats)}" if len(exporter.formats) > 1 else "",
            next_command=f"narrowcast export --formats {','.join(exporter.default_formats)}",
            reason_code="export_format_unsuited",
        )
    chosen = options.model_copy(update={"formats": options.formats or list(exporter.default_formats)})
    exporter.check(run, chosen)
    return chosen


def read_run(options: Options, ctx: StageContext) -> Inputs:
    """The same, whatever formats are asked for.

    Raises:
        StageError: if nothing was trained, or on another version of the data.
        ModelError: if there is no such run.
    """
    from narrowcast.models.loading import read_run_manifest

    project = ctx.project
    run = read_run_manifest(project, options.run) if options.run else _current(project)
    dataset = load_manifest(project)
    if run.dataset_version != dataset.version:
        # Rows held out now may have been trained on then: nothing could be proven on them.
        raise _missing(
            project,
            "the model was trained on another version of the data",
            f"trained on {short(run.dataset_version)}, prepared {short(dataset.version)}",
        )
    return Inputs(
        run=run,
        dataset=dataset,
        evaluated=_evaluated(project, dataset),
        verdict=_verdict(project, run),
        parent=run.run_id,
    )


def _current(project: ProjectPaths) -> RunManifest:
    from narrowcast.models.loading import read_run_manifest

    record = current_run(project)
    if record is None:
        raise _missing(project, "nothing was trained yet", str(project.stage_records))
    try:
        return read_run_manifest(project, record.run_id)
    except ModelError as error:
        raise _missing(project, error.what, error.where) from error


def _verdict(project: ProjectPaths, run: RunManifest) -> RunVerdict | None:
    verdict = read_verdict(project, run.run_id)
    return verdict if verdict and verdict.dataset_version == run.dataset_version else None


def _evaluated(project: ProjectPaths, dataset: DatasetManifest) -> list[str]:
    results = {name: stage_result(project, name) for name in ("baseline", "evaluate")}
    return [name for name, each in results.items() if each and each["dataset_version"] == dataset.version]


def stage_result(project: ProjectPaths, name: str) -> dict[str, Any] | None:
    """The result that a stage's record holds, as plain data."""
    record = load_record(project, name)
    return record.result if record else None


def held_out(options: Options) -> Split:
    """The split parity is proven on."""
    return Split(options.parity_split)


def _missing(project: ProjectPaths, what: str, where: str) -> StageError:
    return StageError(
        what,
        where=where,
        next_command=before_run(project),
        reason_code="export_artifact_missing",
    )
