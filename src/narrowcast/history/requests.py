"""What the history of a project's data can be asked for. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from narrowcast.core.request import CommandLine, Request


class DiffRequest(Request):
    """Compare two data-set versions: rows added, removed, relabelled, moved between splits."""

    a: Annotated[str, CommandLine(positional=True)] = "parent"
    """Version to start from: the start of its name, parent or current."""
    b: Annotated[str, CommandLine(positional=True)] = "current"
    """Version to compare with it, named in the same way."""
    show: int = Field(10, ge=0)
    """List at most N changed rows of each kind."""


class LineageRequest(Request):
    """Follow one row: source, mapper, versions, models, and its prompt where it was generated."""

    row: Annotated[str, CommandLine(positional=True)]
    """IMPORT:NUMBER, the start of a row's hash, or its exact text."""


class ForgetRequest(Request):
    """Delete rows from every copy that the project owns."""

    ids: Annotated[list[str], CommandLine("--id", metavar="IMPORT:NUMBER")] = Field(default_factory=list)
    """A row by its id."""
    where: Annotated[dict[str, str], CommandLine("--where", metavar="COLUMN=VALUE")] = Field(
        default_factory=dict
    )
    """Rows with this value in a column or dotted path of the source's record or the example; of several
    conditions, all must hold."""
    text: str | None = None
    """Rows in which this text stands anywhere."""
    delete: Annotated[bool, CommandLine("--yes")] = False
    """Delete; without it the rows are counted alone."""
    dry_run: bool = False
    """Count alone, whatever else is given."""

    @property
    def counts_only(self) -> bool:
        """Nothing is deleted."""
        return self.dry_run or not self.delete
