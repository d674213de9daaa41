"""What reviewers can ask for. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.request import CommandLine, Request

Source = Literal["sample", "rejects", "gates", "conflicts", "low_confidence"]


class Choice(BaseModel):
    """One decision that is about to be made."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    """Of the row; the start of its hash or its exact text will do as well."""
    decision: Literal["accept", "edit", "reject"]
    target: Any = None
    """Of an edit, the new target."""
    inputs: dict[str, Any] | None = None
    """Of an edit, the new inputs; None leaves them as they are."""
    note: str = ""


class QueueRequest(Request):
    """Put rows into the review queue."""

    source: Source
    """`sample` of accepted rows; `rejects` of mapping; `gates`, rejects of generated rows; `conflicts`, all
    rows of contradictions; `low_confidence`, rows that the newest predictions with probabilities were least
    sure of."""
    count: int = Field(20, ge=1)
    """Add at most N rows; conflicts are added as whole groups."""
    reason: str | None = None
    """Of rejects or gates, only rows with this reason."""
    seed: int = 0
    """Seed of the sample."""


class QueueViewRequest(Request):
    """Show a reviewer's queue, and how the reviewers agree."""

    reviewer: str | None = None
    """Name of the reviewer; by default NARROWCAST_ACTOR."""
    show: int | None = Field(20, ge=0)
    """List at most N open rows; None lists all."""


class DecideRequest(Request):
    """Decide on rows; either all decisions are stored, or none."""

    choices: list[Choice]
    """A row need not be in the queue."""
    reviewer: str | None = None
    """Name of the reviewer; by default NARROWCAST_ACTOR."""
    dry_run: bool = False
    """Check the decisions; store nothing."""


class ReviewRequest(Request):
    """Fill the queue, decide, or show what is open; what `narrowcast data review` takes."""

    source: Annotated[Source | None, CommandLine("--from")] = None
    """Add rows to the queue first."""
    count: int = Field(20, ge=1)
    """Add at most N rows."""
    reason: str | None = None
    """Of rejects or gates, only rows with this reason."""
    seed: int = 0
    """Seed of the sample."""
    reviewer: str | None = None
    """Name of the reviewer; by default NARROWCAST_ACTOR."""
    decisions: Annotated[list[str], CommandLine("--decide", metavar="ID=DECISION")] = Field(
        default_factory=list
    )
    """ID=accept, ID=reject or ID=edit:TARGET."""
    dry_run: bool = False
    """Check --decide; store nothing."""
