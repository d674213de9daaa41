"""What the history of a project's data can be asked for. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from narrowcast.core.request import CommandLine, Request


class DiffRequest(Request):
    """Compare two data-set versions: rows added, removed, relabelled, moved between splits."""

    a: Annotated[str, CommandLine(positional=True)] = "parent"
    """Version to compare: the start of its name, parent or current."""
    b: Annotated[str, CommandLine(positional=True)] = "current"
    """Version to compare it with, named in the same way."""
    show: int = Field(10, ge=0)
    """List at most N changed rows of each kind."""


class LineageRequest(Request):
    """Trace one row: source, mapper, versions, models, and the prompt of a generated row."""

    row: Annotated[str, CommandLine(positional=True)]
    """IMPORT:NUMBER, the start of the row's hash, or its exact text."""


class ForgetRequest(Request):
    """Delete rows from every copy that the project owns."""

    ids: Annotated[list[str], CommandLine("--id", metavar="IMPORT:NUMBER")] = Field(default_factory=list)
    """Id of a row."""
    where: Annotated[dict[str, str], CommandLine("--where", metavar="COLUMN=VALUE")] = Field(
        default_factory=dict
    )
    """Rows with this value in a column or dotted path of the source row or the example; several conditions
    must all hold."""
    text: str | None = None
    """Rows that contain this text anywhere."""
    delete: Annotated[bool, CommandLine("--yes")] = False
    """Delete the rows; without it they are only counted."""
    dry_run: bool = False
    """Only count, even with --yes."""

    @property
    def counts_only(self) -> bool:
        """Nothing is deleted."""
        return self.dry_run or not self.delete
