"""What comparisons of rows can be asked for. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from narrowcast.core.request import CommandLine, Request


class ComparisonRequest(Request):
    """How rows are compared."""

    column: str | None = None
    """Text column of a source; by default detected."""
    label: str | None = None
    """Label column of a source; by default detected by its name."""
    similarity: float = Field(0.8, ge=0.05, le=1)
    """Least Jaccard similarity of two near-duplicates."""
    embedder: str = "none"
    """Embedder that finds semantic duplicates: auto (the best on this machine), encoder-words:NAME,
    encoder:NAME, tfidf, model2vec:FOLDER, or none."""
    meaning: float | None = Field(None, ge=0, le=1)
    """Cosine from which texts are semantic duplicates; by default that of the embedder."""


class ConflictsRequest(Request):
    """List rows with equal inputs: contradictions and repetitions."""

    show: int | None = Field(10, ge=0)
    """List at most N groups of each kind."""


class DedupeRequest(ComparisonRequest):
    """Group duplicate rows: exact, near and semantic."""

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")] = "accepted"
    """A source, a split, or `accepted` for all imported rows."""
    output: Path | None = None
    """Write the source without duplicates to this JSONL file, which must not exist."""
    copies: bool = False
    """Also group edited copies: a word in ten changed, typos, a greeting, a half."""
    dry_run: bool = False
    """Write nothing, even with --output."""


class LeakageRequest(ComparisonRequest):
    """Find duplicates of the rows of B in A."""

    a: Annotated[str, CommandLine(positional=True)]
    """Rows to search, such as the train rows: SCHEME:PATH or a split."""
    b: Annotated[str, CommandLine(positional=True)]
    """Rows that must not occur in A, such as the test rows: SCHEME:PATH or a split."""
    copies: bool = True
    """Count edited copies as near-duplicates: a word in ten changed, typos, a greeting, a half."""
    embedder: str = "auto"
    """Embedder that finds semantic duplicates: auto (the best on this machine), encoder-words:NAME,
    encoder:NAME, tfidf, model2vec:FOLDER, or none."""
