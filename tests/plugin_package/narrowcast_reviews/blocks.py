"""`blocks:PATH`: records of `name: value` lines, separated by blank lines."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.source import SourceFile, settle_path
from narrowcast.core.row import SourceRow


class BlocksConnector:
    """Built from the path after `blocks:`."""

    # A relative path means the same file from every folder, as for the built-in file sources.
    settle = staticmethod(settle_path)

    def __init__(self, rest: str) -> None:
        # Refuses what is missing, empty or a folder, and reads gzip.
        self._source = SourceFile("blocks", rest)
        self._source.refuse_binary(self._source.sample())

    def describe(self) -> SourceDescription:
        """The columns are the names of all records."""
        description = self._source.description("blocks", "utf-8", [])
        description.columns = list(dict.fromkeys(name for row in self.load() for name in row.data))
        return description

    def fingerprint(self) -> str:
        """A hash of the file, so that an unchanged file is not imported again."""
        return self._source.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """One row for each block; a block that cannot be read is a row with an error, never left out."""
        block: list[str] = []
        index = 0
        with self._source.open() as file:
            for line in file:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    block.append(text)
                elif block:
                    yield _row(index, block)
                    block, index = [], index + 1
        if block:
            yield _row(index, block)


def _row(index: int, block: list[str]) -> SourceRow:
    data = {}
    for line in block:
        name, colon, value = line.partition(":")
        if not colon:
            return SourceRow(index, error=f"a line has no colon: {line[:40]}", raw="\n".join(block))
        data[name.strip()] = value.strip()
    return SourceRow(index, data)
