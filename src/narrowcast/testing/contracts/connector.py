"""The contract of a connector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from narrowcast.connectors import CONNECTORS, connect, content_fingerprint, settle
from narrowcast.connectors.base import Connector, SourceAccess
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.core.work import Work
from narrowcast.testing.contracts.refusals import refusal


class ConnectorContract:
    """Fill in the scheme, and how its sources are made; the folder of every method is a temporary one."""

    scheme: ClassVar[str]
    """The registered name."""
    records: ClassVar[int]
    """Records that `make` writes, unreadable ones included."""
    unreadable: ClassVar[int] = 0
    """Those among them that cannot be read."""

    def make(self, folder: Path) -> str:
        """Write a source; return the part of its locator after the colon."""
        raise NotImplementedError

    def change(self, folder: Path) -> None:
        """Change the content of a record of that source."""
        raise NotImplementedError

    def missing(self, folder: Path) -> str:
        """The part after the colon of a locator whose source does not exist."""
        return str(folder / "there-is-no-such-file")

    def test_it_is_registered(self) -> None:
        """The registry finds it and accepts its class."""
        CONNECTORS.get(self.scheme)

    def test_every_record_is_a_row_in_order(self, tmp_path: Path) -> None:
        """None is left out; one that cannot be read is a row with an error."""
        rows = self._rows(tmp_path)
        assert [row.index for row in rows] == list(range(self.records)), "rows are numbered from 0"
        bad = [row for row in rows if row.error is not None]
        assert len(bad) == self.unreadable, f"{len(bad)} rows have an error: {[row.error for row in bad]}"
        assert all(not row.data for row in bad), "a row with an error holds no data"

    def test_rows_are_plain_values(self, tmp_path: Path) -> None:
        """They can be written as JSON, and names of columns are texts."""
        for row in self._rows(tmp_path):
            json.dumps(row.data, allow_nan=False)
            assert all(isinstance(name, str) for name in row.data), f"row {row.index}: {row.data}"

    def test_rows_can_be_read_again(self, tmp_path: Path) -> None:
        """An import reads the first rows before it reads all of them."""
        connector = self._open(self.make(tmp_path), tmp_path)
        first = connector.load()
        head = next(first)
        assert next(connector.load()) == head, "a second reader starts at the first row"
        assert list(connector.load()) == [head, *first], "two readers get the same rows"

    def test_the_description_fits_the_rows(self, tmp_path: Path) -> None:
        """It names the locator and the columns."""
        rest = self.make(tmp_path)
        description = self._open(rest, tmp_path).describe()
        assert description.locator.startswith(f"{self.scheme}:"), description.locator
        assert description.format, "the format is named"
        names = {name for row in self._rows(tmp_path) for name in row.data}
        assert set(description.columns) == names, f"columns {description.columns}, rows have {names}"

    def test_the_fingerprint_follows_the_content(self, tmp_path: Path) -> None:
        """Equal content, equal fingerprint; a changed record changes it."""
        rest = self.make(tmp_path)
        before = self._fingerprint(rest, tmp_path)
        assert self._fingerprint(rest, tmp_path) == before, "the content did not change"
        self.change(tmp_path)
        assert self._fingerprint(rest, tmp_path) != before, "the content changed"

    def test_a_missing_source_is_refused(self, tmp_path: Path) -> None:
        """With what is wrong and what to do next, not with a traceback."""
        rest = self.missing(tmp_path)
        error = refusal(lambda: list(self._open(rest, tmp_path).load()))
        assert error is not None, "a source that does not exist gives no rows"
        assert error.next_command, f"{error} names no next command"

    def test_a_recorded_locator_means_the_same_source(self, tmp_path: Path) -> None:
        """What a record holds opens the same source from every folder."""
        settled = settle(f"{self.scheme}:{self.make(tmp_path)}", tmp_path)
        again = settle(settled.recorded, tmp_path / "elsewhere", listed=True)
        assert again.opened == settled.opened, f"{again.opened} is not {settled.opened}"

    def _open(self, rest: str, folder: Path) -> Connector:
        return connect(Locator(self.scheme, rest), SourceAccess(folder / "downloads", offline=True))

    def _rows(self, folder: Path) -> list[SourceRow]:
        return list(self._open(self.make(folder), folder).load())

    def _fingerprint(self, rest: str, folder: Path) -> str:
        connector = self._open(rest, folder)
        return content_fingerprint(self.scheme, connector, connector.load(), Work())
