"""What training and experiments can be asked for. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from narrowcast.core.request import CommandLine, Request, ResumableRequest, StageRequest

_TRAIN_OPTIONS = "narrowcast.training.options:Options"


class TrainRequest(ResumableRequest):
    """Fine-tune a base model on the prepared rows."""

    options_model = _TRAIN_OPTIONS

    dry_run: bool = False
    """Show what preflight finds, recipe and rows; train nothing."""

    force: bool = False
    """Train without a baseline, and start over where a run was interrupted or finished."""
    autopilot: bool = False
    """Choose base, recipe and schedule from data and machine where they are left open."""


class SeedsRequest(TrainRequest):
    """Train under several seeds: mean and spread on dev rows."""

    force: bool = False
    """Train without a baseline; seeds that have finished are not trained again."""
    seeds: int = Field(1, ge=1)
    """Train under this many seeds; mean and spread on dev rows."""
    dev_rows: Annotated[int, CommandLine(hidden=True)] = Field(500, ge=1)
    """Dev rows that each run is measured on, at most."""


class SearchRequest(StageRequest):
    """Search recipes and bases: trials are training runs, scored on dev rows."""

    options_model = _TRAIN_OPTIONS

    force: bool = False
    """Train without a baseline."""
    dry_run: bool = False
    """Show the space, the first trial and what was done already; train nothing."""
    trials: int = Field(20, ge=1)
    """Trials of the study, earlier ones included."""
    timeout: float | None = Field(None, ge=0)
    """Stop after this many minutes."""
    vary: Annotated[dict[str, str], CommandLine("--vary", metavar="NAME=RANGE")] = Field(default_factory=dict)
    """Vary only this option: low..high[:log], 0.5x..2x or a,b,c; may be repeated."""
    space: Path | None = None
    """YAML file with a search space."""
    dev_rows: int = Field(500, ge=1)
    """Dev rows that a finished trial is measured on."""
    keep: Literal["front", "all"] = "front"
    """Whose weights to keep: those of the best and the front, or all."""


class RerunRequest(Request):
    """Repeat a run from its manifest and compare the weights."""

    run: Annotated[str, CommandLine(positional=True)]
    """As `narrowcast runs` lists it."""
