"""A file that was fetched, read by the `file:` connector; options follow a `#`."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.download import Downloaded
from narrowcast.connectors.file import FileConnector
from narrowcast.core.row import SourceRow


class RemoteFile:
    """What all sources share that fetch one file and then read it.

    Args:
        locator: the public form, as it is described.
        download: the file on the disk.
        options: as after `file:PATH?`.
        note: one sentence on how it was come by.
    """

    def __init__(self, locator: str, download: Downloaded, options: str, note: str) -> None:
        self._locator = locator
        self._download = download
        self._note = note
        self._file = FileConnector(f"{download.path}?{options}" if options else str(download.path))

    def describe(self) -> SourceDescription:
        """As the file's own connector says, under the locator that was asked for."""
        description = self._file.describe()
        description.locator = self._locator
        description.notes.insert(0, self._note)
        description.origin = {**self._download.origin, **description.origin}
        return description

    def fingerprint(self) -> str:
        """Hash of the file."""
        return f"sha256:{self._download.sha256}"

    def load(self) -> Iterator[SourceRow]:
        """As the file's own connector reads."""
        return self._file.load()
