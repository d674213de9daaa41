"""What the operations behind every front door can be asked for. Imports nothing heavy.

A request with a stage names the model of the stage's options as text; see `narrowcast.core.request`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from narrowcast.core.config import SourceSpec
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.request import CommandLine, OptionsRequest, Request, StageRequest

_MEASURE = "narrowcast.evaluation.options"


class ImportRequest(SourceSpec, Request):
    """Import the rows of a source: each is accepted, or rejected with its reason."""

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]
    """The source, for example csv:train.csv or file:rows.parquet."""
    map: Annotated[dict[str, str], CommandLine("--map", metavar="FIELD=COLUMN", commas=True)] = Field(
        default_factory=dict
    )
    """Fields of the mapper and the columns they are read from; several are separated by commas."""
    auto: bool = False
    """Take the mapping that introspection proposes."""
    force: bool = False
    """Use a proposal under 0.80 confidence."""
    dry_run: bool = False
    """Say what would happen; keep nothing."""
    drop: Annotated[list[str], CommandLine(metavar="REASON", commas=True)] = Field(default_factory=list)
    """Leave rows with this rejection reason out of a dry run's sample."""


class CleanRequest(StageRequest):
    """Clean the texts of a source, and cut them into chunks."""

    options_model = "narrowcast.stages.clean.options:Options"

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]
    """The texts, for example csv:tickets.csv or docs:manuals."""
    base: str | None = None
    """Base model whose tokens measure chunks; default the built-in base."""
    limit: int | None = Field(None, ge=1)
    """Take at most N rows."""
    force: bool = False
    """Clean again even where nothing changed."""


class PrepareRequest(StageRequest):
    """Split the imported rows into train, dev and test."""

    options_model = "narrowcast.stages.prepare.options:Options"

    force: bool = False
    """Prepare again even where nothing changed."""


class BaselineRequest(StageRequest):
    """Measure what a fine-tune has to beat."""

    options_model = f"{_MEASURE}:BaselineOptions"

    force: bool = False
    """Measure again even where nothing changed."""


class EvaluateRequest(StageRequest):
    """Measure models on held-out rows, with intervals, gates and paired comparisons."""

    options_model = f"{_MEASURE}:EvaluateOptions"

    force: bool = False
    """Measure again even where nothing changed."""


class CompareRequest(OptionsRequest):
    """Compare two models on the same rows."""

    options_model = f"{_MEASURE}:MeasureOptions"

    first: Annotated[ModelRef, CommandLine(positional=True)]
    """A model, such as run:ID, gguf:q8_0 or tfidf."""
    second: Annotated[ModelRef, CommandLine(positional=True)]
    """The model to compare it with."""
    force: bool = False
    """Measure again even where nothing changed."""


class PreflightRequest(OptionsRequest):
    """Look at everything a training run needs, and forecast its time and memory."""

    options_model = "narrowcast.training.options:Options"

    autopilot: bool = False
    """Choose base, recipe and schedule from data and machine where they are left open."""
    force: bool = False
    """Do not count a missing baseline as a problem that blocks."""
    record: Annotated[bool, CommandLine(hidden=True)] = True
    """Record the event."""


class ExportRequest(StageRequest):
    """Write a bundle of the trained model, and prove that its files are the model that was measured."""

    options_model = "narrowcast.stages.export.options:Options"

    force: bool = False
    """Export again even where nothing changed."""


class ParityRequest(OptionsRequest):
    """Prove the files of the current bundle against the trained model again."""

    options_model = "narrowcast.stages.export.options:Options"


class InitRequest(Request):
    """Make a project with its task specification; what is not said is assumed, and marked so."""

    name: Annotated[str | None, CommandLine(positional=True)] = None
    """Name of the task; default the current folder's."""
    path: Path | None = None
    """Folder; default below the workspace."""
    goal: str | None = None
    """What the model is for, in a sentence."""
    task: str | None = None
    """Kind of task; otherwise the first import proposes it."""
    labels: Annotated[list[str], CommandLine("--labels", commas=True)] = Field(default_factory=list)
    """Labels of a classification, separated by commas."""
    schema_file: Annotated[Path | None, CommandLine("--schema")] = None
    """JSON Schema of the answer, for extraction."""
    instruction: str | None = None
    """System prompt of the model; default the task's own."""
    inputs: str | None = None
    """What comes in, and from whom."""
    failures: str | None = None
    """Mistakes that are not acceptable."""
    metrics: str | None = None
    """How success is measured."""
    deployment: str | None = None
    """Where the model will run."""
    latency: str | None = None
    """What an answer may take and cost."""


class MigrateRequest(Request):
    """Bring a project that an older version wrote to the current format."""

    dry_run: bool = False
    """Say what would change; write nothing."""


class RunRequest(Request):
    """Take a project through the whole loop."""

    until: str | None = None
    """Stop after this stage (prepare, baseline, train, evaluate, export, verify)."""
    resume: Annotated[bool, CommandLine(hidden=True)] = True
    """Continue an interrupted training run from its last checkpoint."""
    dry_run: bool = False
    """Say what would run, and why."""


class ServeRequest(Request):
    """Serve an exported file over the OpenAI protocol."""

    model: str | None = None
    """A quantisation of the bundle (q8_0), or a path to a .gguf file."""
    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback only with a token."""
    port: int = Field(8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token: str | None = None
    """Bearer token that requests must carry; default NARROWCAST_SERVE_TOKEN."""

    @property
    def names_file(self) -> bool:
        """Whether a file is named by its path, so that no project is needed."""
        return bool(self.model and self.model.endswith(".gguf"))


class ModelRequest(Request):
    """One base model."""

    name: Annotated[str, CommandLine(positional=True)]
    """A catalogue id, a Hub id (owner/name) or a folder."""


class RunViewRequest(Request):
    """Show one training run."""

    run: Annotated[str, CommandLine(positional=True)]
    """As `narrowcast runs` lists it."""
