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
    """Show the preflight problems, the recipe and the number of rows; train nothing."""

    force: bool = False
    """Train without a baseline; discard an interrupted or finished run of the same options."""
    resume: bool = False
    """Continue the interrupted run, with the options that it began with."""
    continue_: bool = False
    """Continue an interrupted run of the same options; begin where there is none."""
    autopilot: bool = False
    """Choose base, recipe and schedule from data and machine, except those that are given."""


class OneClickRequest(TrainRequest):
    """Train, or go from the imported rows to a proven bundle."""

    one_click: bool = False
    """Prepare and measure the baselines before, measure, export and prove afterwards."""


class SeedsRequest(TrainRequest):
    """Train with several seeds, and report mean and standard deviation on dev rows."""

    force: bool = False
    """Train without a baseline; discard an interrupted or finished run of the same options. With several
    seeds, those that have finished are not trained again."""
    seeds: int = Field(1, ge=1)
    """Train with N seeds, and report mean and standard deviation on dev rows."""
    dev_rows: Annotated[int, CommandLine(hidden=True)] = Field(500, ge=1)
    """Measure each run on at most N dev rows."""


class SearchRequest(StageRequest):
    """Search recipes and bases: each trial is a training run, scored on dev rows."""

    options_model = _TRAIN_OPTIONS

    force: bool = False
    """Train without a baseline."""
    dry_run: bool = False
    """Show the search space, the first trial and the number of finished trials; train nothing."""
    trials: int = Field(20, ge=1)
    """Number of trials of the study, including those of earlier calls."""
    timeout: float | None = Field(None, ge=0)
    """Stop after N minutes."""
    vary: Annotated[dict[str, str], CommandLine("--vary", metavar="NAME=RANGE")] = Field(default_factory=dict)
    """Vary only this option, over low..high[:log], 0.5x..2x or a,b,c; may be repeated."""
    space: Path | None = None
    """YAML file with a search space."""
    dev_rows: int = Field(500, ge=1)
    """Measure each finished trial on at most N dev rows."""
    keep: Literal["front", "all"] = "front"
    """Keep the weights of the best trial and the Pareto front, or of all trials."""


class RerunRequest(Request):
    """Repeat a run from its manifest, and compare the weights."""

    run: Annotated[str, CommandLine(positional=True)]
    """Id of the run, as `narrowcast runs` lists it."""
