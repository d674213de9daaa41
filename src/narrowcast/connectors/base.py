"""The contract of a source: what it is, and its records one at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, Field

from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.core.settings import Settings


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
    origin: dict[str, str] = Field(
        default_factory=dict, description="What names this content: sha256, etag, revision, query."
    )


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """What a source that is not a local file may do, and where it may keep files.

    Attributes:
        downloads: folder for downloaded files.
        offline: no socket but loopback is opened.
        allow_private: private, loopback and link-local addresses may be asked.
        max_bytes: size of one file at most.
    """

    downloads: Path
    offline: bool = False
    allow_private: bool = False
    max_bytes: int = 20 << 30

    @classmethod
    def local(cls) -> SourceAccess:
        """Files of this machine alone."""
        return cls(Path(tempfile.gettempdir()) / "narrowcast-downloads", offline=True)

    @classmethod
    def of(cls, settings: Settings, downloads: Path | None = None) -> SourceAccess:
        """As the settings decide; files are kept in the workspace where no folder is named."""
        return cls(
            downloads or settings.home / "downloads",
            settings.offline,
            settings.allow_private,
            settings.max_download,
        )


@dataclass(frozen=True, slots=True)
class SettledLocator:
    """A locator that means the same source from every folder.

    Attributes:
        recorded: what files, records and events hold; without secrets.
        opened: what the connector is built on.
    """

    recorded: str
    opened: Locator


class Connector(Protocol):
    """A source. Built from the part of the locator after the colon: `Connector(rest)`.

    A class may carry more, all of it optional:

    - `takes_access = True`: it is built as `Connector(rest, access)`, with what it may do.
    - `settle(locator, project, listed)`, a static method: the `SettledLocator` of a locator that a command
      names, or that is in `narrowcast.yaml` (`listed`) of the project in folder `project`. Without it, a
      locator is taken as it is, and recorded without its secrets.
    - `fingerprint()`: a short text that changes whenever the content does, found without reading the rows (a
      hash of the file, a revision). Without it, or where it is empty, the rows themselves are hashed.
    """

    def describe(self) -> SourceDescription:
        """Format, encoding, delimiter, header, columns: found, and said.

        Raises:
            DataError: if the source is missing, empty or not of this kind.
        """

    def load(self) -> Iterator[SourceRow]:
        """Every record in order, lazily; one that cannot be parsed is a row with an error, never dropped.

        Raises:
            DataError: if the source cannot be read at all.
        """


class FileConnector(Connector, Protocol):
    """A connector whose content is one file."""

    def fingerprint(self) -> str:
        """Hash of the file; see `Connector`."""
