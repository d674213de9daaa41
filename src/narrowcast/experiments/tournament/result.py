"""Who takes part in a tournament, within which limits, and how it ended."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.metric import MetricValue
from narrowcast.core.run import ModelKind


class Limits(BaseModel):
    """What entrants may take.

    Attributes:
        only: kinds of models that take part; empty: all.
        minutes: of training, all entrants together.
        latency_ms: median of an answer that is asked for alone; None is no limit.
        size_mb: of the weights in megabytes; None is no limit.
        dev_rows: that each is measured on, at most.
    """

    only: list[ModelKind] = Field(default_factory=list)
    minutes: float = 60.0
    latency_ms: float | None = None
    size_mb: float | None = None
    dev_rows: int = 1000


class Entrant(BaseModel):
    """One way to train.

    Attributes:
        name: for tables.
        options: of training.
        minutes: it will take, as far as can be said before.
    """

    name: str
    kind: ModelKind
    options: dict[str, Any]
    minutes: float


class Entry(Entrant):
    """An entrant with its figures, or why it has none."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    minutes: float
    """Of training; the forecast where it did not take part."""
    run_id: str = ""
    score: MetricValue | None = None
    """On dev rows, with a 95 % interval."""
    latency_p50_ms: float | None = None
    """Of an answer among many, asked for in batches."""
    alone_p50_ms: float | None = None
    """Of an answer asked for alone; measured where latency is limited."""
    size_bytes: int | None = None
    """None where it is not known."""
    front: bool = False
    """No other entrant is at least as good, as fast and as small, and better in one of these."""
    left_out: str = ""
    """Why it was not trained, or not chosen whatever its score."""


class Lineup(BaseModel):
    """Who takes part, and who does not; kept, so that a stopped tournament continues with the same."""

    taking: list[Entrant]
    out: list[Entry]


class Tournament(BaseModel):
    """What was tried and what was chosen."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    metric: str
    n: int
    """Dev rows."""
    entries: list[Entry]
    chosen: str
    """Run id of the best on dev rows within the limits."""
    sentence: str
    """Which was chosen, why, and what else is worth a look."""
    seconds: float = Field(ge=0)

    @property
    def winner(self) -> Entry:
        """The chosen entry."""
        return next(each for each in self.entries if each.run_id == self.chosen)
