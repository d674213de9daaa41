"""What comparisons of rows can be asked for. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from narrowcast.core.request import CommandLine, Request


class ComparisonRequest(Request):
    """How rows are compared."""

    column: str | None = None
    """Column of a source with the text; found where it is not given."""
    label: str | None = None
    """Column of a source with the label; a column of a usual name where it is not given."""
    similarity: float = Field(0.8, ge=0.05, le=1)
    """Jaccard similarity from which texts are near-duplicates."""
    embedder: str = "none"
    """What compares meanings: tfidf, model2vec:FOLDER, or none."""
    meaning: float | None = Field(None, ge=0, le=1)
    """Cosine from which texts say the same; the embedder's own where it is not given."""


class ConflictsRequest(Request):
    """Name the rows that contradict or repeat each other."""

    show: int | None = Field(10, ge=0)
    """List at most N groups of each kind."""


class DedupeRequest(ComparisonRequest):
    """Group rows that say the same, exactly, nearly or in other words."""

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")] = "accepted"
    """A source, a split, or accepted: all imported rows."""
    output: Path | None = None
    """Write the source without its repetitions to this JSONL file, which must not exist."""
    dry_run: bool = False
    """Write nothing in spite of --output."""


class LeakageRequest(ComparisonRequest):
    """Look for the rows of B in A."""

    a: Annotated[str, CommandLine(positional=True)]
    """Where to search: SCHEME:PATH or a split."""
    b: Annotated[str, CommandLine(positional=True)]
    """Whose rows should not be there."""
    embedder: str = "tfidf"
    """What compares meanings: tfidf, model2vec:FOLDER, or none."""
