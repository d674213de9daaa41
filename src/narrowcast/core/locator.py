"""`<scheme>:<rest>`: how a source is named on a command line, in a request and in `narrowcast.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from narrowcast.errors import UsageError


@dataclass(frozen=True, slots=True)
class Locator:
    """A parsed locator; which schemes exist is the connectors' business."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"

    @classmethod
    def parse(cls, text: str) -> Locator:
        """Split at the first colon.

        Raises:
            UsageError: where there is no scheme or nothing behind it.
        """
        scheme, colon, rest = text.partition(":")
        if not colon or not rest or not scheme.isidentifier():
            raise UsageError(
                "this is not a locator",
                where=text or "(empty)",
                next_command="write SCHEME:PATH, for example csv:train.csv or file:rows.parquet; "
                "`narrowcast data sources` lists the schemes",
                stage="ingestion",
            )
        return cls(scheme, rest)
