"""The contract of a source: what it is, and its records one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pydantic import BaseModel, Field

from narrowcast.core.row import SourceRow


class SourceDescription(BaseModel):
    """What a connector found out about its source before reading it, and says to the user."""

    locator: str
    format: str
    bytes: int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    columns: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list, description="Guesses made, in plain words.")


class Connector(Protocol):
    """A source. Built from the part of the locator behind the colon: `Connector(rest)`."""

    def describe(self) -> SourceDescription:
        """Format, encoding, delimiter, header, columns: found, and said.

        Raises:
            DataError: where the source is missing, empty or not of this kind.
        """

    def load(self) -> Iterator[SourceRow]:
        """Every record in order, lazily; one that can not be parsed is a sentinel row, never dropped.

        Raises:
            DataError: where the source can not be read at all.
        """
